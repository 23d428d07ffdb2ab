// The anomaly scores of one camera by the viewer's clock: of each interval the largest, as the viewer keeps them.

import { SPANS_MS } from "./spans.js";

const LONGEST_MS = Math.max(...SPANS_MS);

export class ScoreSeries {
  constructor() {
    this.points = [];
    this.intervalMs = 250;
  }

  get latest() {
    return this.points.at(-1) ?? null;
  }

  /// Takes in what the viewer tells, which may be there already: an interval grows until it is over.
  add(points) {
    for (const point of points) this.take(point);
    const from = this.from((this.latest?.shown_unix_ms ?? 0) - LONGEST_MS);
    if (from > 0) this.points.splice(0, from);
  }

  /// Points of other intervals; those of before a lost connection, and those told meanwhile, stay.
  load(points, intervalMs) {
    const all = [...this.points, ...points].sort((a, b) => a.shown_unix_ms - b.shown_unix_ms);
    this.intervalMs = intervalMs;
    this.points = [];
    this.add(all);
  }

  take(point) {
    const interval = this.interval(point);
    let at = this.points.length;
    while (at > 0 && this.interval(this.points[at - 1]) > interval) at -= 1;
    const known = this.points[at - 1];
    if (!known || this.interval(known) !== interval) {
      this.points.splice(at, 0, point);
      return;
    }
    const larger = known.score >= point.score && !same(known, point) ? known : point;
    // An event that is shorter than the interval must not vanish.
    this.points[at - 1] = { ...larger, event: larger.event ?? known.event ?? point.event };
  }

  interval(point) {
    return Math.floor(point.shown_unix_ms / this.intervalMs);
  }

  /// The index of the first point shown at or after `time`.
  from(time) {
    let [low, high] = [0, this.points.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.points[middle].shown_unix_ms < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /// The index of the point shown nearest to `time`, or -1.
  nearest(time) {
    const after = this.from(time);
    if (after === 0) return this.points.length ? 0 : -1;
    if (after === this.points.length) return after - 1;
    const [before, next] = [this.points[after - 1], this.points[after]];
    return time - before.shown_unix_ms < next.shown_unix_ms - time ? after - 1 : after;
  }

  /// The index of the point of a map, or -1; of the nearest one, if a larger score took its place.
  indexOf(shown) {
    const index = this.nearest(shown.shown_unix_ms);
    return index >= 0 && this.interval(this.points[index]) === this.interval(shown) ? index : -1;
  }

  /// From when to when events went on.
  events() {
    const bands = new Map();
    for (const { event, shown_unix_ms: time } of this.points) {
      if (event === null) continue;
      const band = bands.get(event);
      if (band) band.to = time;
      else bands.set(event, { from: time, to: time });
    }
    return [...bands.values()];
  }
}

function same(one, other) {
  return one.session === other.session && one.seq === other.seq;
}
