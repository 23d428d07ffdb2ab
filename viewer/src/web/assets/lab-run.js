// A run on the viewer: started, looked at until it ends, cancelled.

import { Problem, ask } from "./api.js";

const LOOK_MS = 400;
const AGAIN_MS = 2000;

export function startRun(request) {
  return ask("/api/lab/runs", { method: "POST", json: request });
}

export function cancelRun(id) {
  return ask(`/api/lab/runs/${encodeURIComponent(id)}`, { method: "DELETE" });
}

export class RunWatch {
  /// `show(run)` for each state of the run, `lost(error)` when nothing more will be known of it.
  constructor(show, lost) {
    this.show = show;
    this.lost = lost;
    this.id = null;
    this.running = false;
  }

  follow(run) {
    clearTimeout(this.timer);
    this.id = run.id;
    this.take(run);
  }

  take(run) {
    this.running = run.state === "running";
    this.show(run);
    if (this.running) this.later(LOOK_MS);
  }

  later(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), ms);
  }

  async look() {
    clearTimeout(this.timer);
    const { id } = this;
    try {
      const run = await ask(`/api/lab/runs/${encodeURIComponent(id)}`);
      // Another run may have been started while the answer was on its way.
      if (id === this.id) this.take(run);
    } catch (error) {
      if (id !== this.id) return;
      // A connection that failed may come back; a run that is gone does not.
      if (error.status === 0 || error.status >= 500) return this.later(AGAIN_MS);
      this.running = false;
      this.lost(error.status === 404 ? new Problem("the viewer does not know this run any more", "start it again", 404) : error);
    }
  }
}
