// Anomaly events, one for each id: begin, updates and end are merged.

const KEPT = 200;

export class EventStore {
  constructor() {
    this.known = new Map();
  }

  /// Takes one in; says whether it is new and open.
  merge(event) {
    const before = this.known.get(event.id);
    // What the server kept may come after what the feed told already.
    if (before && (before.ended_unix_ms !== null || before.captured_unix_ms > event.captured_unix_ms) && event.ended_unix_ms === null) return false;
    this.known.set(event.id, event);
    this.ordered = null;
    if (this.known.size > KEPT) this.known.delete(this.inOrder().at(-1).id);
    return !before && event.ended_unix_ms === null;
  }

  openIds() {
    return this.inOrder().filter((event) => event.ended_unix_ms === null).map((event) => event.id);
  }

  forget(id) {
    this.known.delete(id);
    this.ordered = null;
  }

  /// Open ones first, then the newest.
  inOrder() {
    this.ordered ??= [...this.known.values()].sort(
      (a, b) => (b.ended_unix_ms === null) - (a.ended_unix_ms === null) || b.began_unix_ms - a.began_unix_ms,
    );
    return this.ordered;
  }

  ofCamera(camera) {
    return this.inOrder().filter((event) => event.camera === camera);
  }
}
