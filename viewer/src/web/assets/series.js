// The anomaly scores of one camera, in order of capture.

// Ten a second for a quarter of an hour.
const KEPT = 9000;

export class ScoreSeries {
  constructor() {
    this.points = [];
  }

  get latest() {
    return this.points.at(-1) ?? null;
  }

  /// One new point; a point that is there already (the feed repeats the latest map at connect) is left alone.
  add(point) {
    let at = this.points.length;
    while (at > 0 && this.points[at - 1].captured_unix_ms > point.captured_unix_ms) at -= 1;
    for (let before = at - 1; before >= 0; before -= 1) {
      const other = this.points[before];
      if (other.captured_unix_ms !== point.captured_unix_ms) break;
      if (other.session === point.session && other.seq === point.seq) return;
    }
    if (at === this.points.length) this.points.push(point);
    else this.points.splice(at, 0, point);
    // Dropped a tenth at a time: moving the array for each new point would be a waste.
    if (this.points.length > KEPT) this.points.splice(0, KEPT / 10);
  }

  /// Points the server has kept; those of before a lost connection stay.
  merge(points) {
    const known = new Map(this.points.map((point) => [`${point.session}/${point.seq}`, point]));
    // The server's word about a point's event is better than what this page made of it.
    for (const point of points) known.set(`${point.session}/${point.seq}`, point);
    this.points = [...known.values()].sort((a, b) => a.captured_unix_ms - b.captured_unix_ms).slice(-KEPT);
  }

  /// The index of the first point captured at or after `time`.
  from(time) {
    let [low, high] = [0, this.points.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.points[middle].captured_unix_ms < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /// The index of the point captured nearest to `time`, or -1.
  nearest(time) {
    const after = this.from(time);
    if (after === 0) return this.points.length ? 0 : -1;
    if (after === this.points.length) return after - 1;
    const [before, next] = [this.points[after - 1], this.points[after]];
    return time - before.captured_unix_ms < next.captured_unix_ms - time ? after - 1 : after;
  }

  indexOf(point) {
    const first = this.from(point.captured_unix_ms);
    for (let index = first; this.points[index]?.captured_unix_ms === point.captured_unix_ms; index += 1) {
      if (this.points[index].session === point.session && this.points[index].seq === point.seq) return index;
    }
    return -1;
  }
}
