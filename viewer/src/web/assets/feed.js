// The live events of the viewer. The browser reconnects by itself after a lost connection, but not after an answer that is
// no event stream (a proxy's error page, a login that ran out), and it does not notice a connection that died silently:
// both are seen to here.

import { ask } from "./api.js";

// The server sends `cameras` every second.
const SILENCE_MS = 8000;
const AGAIN_MS = 2000;
// A stream that ends as planned is back sooner.
const LOST_MS = 3000;

export class Feed {
  /// `handlers`: `connection(open)`, and one function for each event by its name.
  constructor(path, handlers) {
    this.path = path;
    this.handlers = handlers;
    this.open = false;
    this.heardAt = performance.now();
    this.connect();
    setInterval(() => this.watch(), 2000);
  }

  connect() {
    this.source?.close();
    this.heardAt = performance.now();
    const source = new EventSource(this.path);
    this.source = source;
    source.addEventListener("open", () => this.connected());
    source.addEventListener("error", () => {
      if (source !== this.source) return;
      this.losing ??= setTimeout(() => this.lost(), LOST_MS);
      if (source.readyState === EventSource.CLOSED) this.refused();
    });
    for (const name of ["cameras", "map", "scores", "anomaly"]) {
      source.addEventListener(name, (message) => {
        if (source !== this.source) return;
        this.heardAt = performance.now();
        this.handlers[name](JSON.parse(message.data));
      });
    }
  }

  /// What was missed before is to be asked for each time.
  connected() {
    clearTimeout(this.losing);
    this.losing = null;
    this.open = true;
    this.handlers.connection(true);
  }

  lost() {
    if (!this.open) return;
    this.open = false;
    this.handlers.connection(false);
  }

  /// The request sends the browser to the login page if that is what is lacking.
  refused() {
    ask("/api/health").catch(() => {});
    clearTimeout(this.again);
    this.again = setTimeout(() => this.connect(), AGAIN_MS);
  }

  watch() {
    if (this.source.readyState === EventSource.CLOSED) return;
    if (performance.now() - this.heardAt < SILENCE_MS) return;
    this.lost();
    this.connect();
  }
}
