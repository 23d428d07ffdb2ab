// How a camera is: its state, its anomaly score and mode, the tiles that are still with the worker.

import { element, field, fill, mark, say, sayOrHide } from "./dom.js";
import { fixed, percent, ticking } from "./format.js";

// Tiles of a quick scheme are back before anybody could read about them.
const LONG_MS = 1000;

export class Status {
  constructor(camera) {
    this.camera = camera;
    this.state = field("state");
    this.state.classList.add("badge");
    this.since = element("span", { class: "since" });
    this.chip = element("span", { class: "badge bad chip", hidden: true }, "event open");
    this.badges = [this.state, this.since, this.chip];

    this.mode = field("mode");
    this.value = field("score");
    this.threshold = field("threshold");
    this.note = element("p", { class: "quiet", hidden: true });
    this.against = element("p", { class: "against", hidden: true }, "score ", this.value, " of threshold ", this.threshold);
    this.anomaly = element(
      "div",
      { class: "anomaly" },
      element("p", {}, "Anomaly detection: ", this.mode),
      this.against,
      this.note,
    );

    this.words = field("progress");
    this.bar = element("progress", { max: 1, value: 0, "aria-label": `tiles of camera ${camera} that are back` });
    this.tiles = element("div", { class: "tiles", hidden: true }, this.bar, this.words);
  }

  show(state) {
    fill(this.state, state.state);
    say(this.since, state.state === "stalled" ? `no map for ${ticking(state.since_last_ms)}` : "");
    this.showAnomaly(state.anomaly);
    this.showTiles(state.progress);
  }

  disconnected() {
    fill(this.state, "not known");
    say(this.since, "no connection to the viewer");
  }

  eventOpen(open) {
    this.chip.hidden = !open;
  }

  showAnomaly(anomaly) {
    const mode = anomaly?.mode ?? "off";
    const learnt = mode === "learning" && typeof anomaly.learned === "number" ? ` ${percent(anomaly.learned)}` : "";
    fill(this.mode, mode + learnt, mode);
    sayOrHide(this.note, anomaly?.note);
    if (mode === "off") this.score(null);
    else if (anomaly.score) this.score(anomaly.score);
  }

  score(score) {
    // Once there was a score the line stays.
    if (score) this.against.hidden = false;
    fill(this.value, fixed(score?.value, 2), score?.value);
    fill(this.threshold, fixed(score?.threshold, 2), score?.threshold);
    this.value.classList.toggle("some", Boolean(score) && score.value >= score.threshold);
  }

  showTiles(progress) {
    const known = progress && typeof progress.tiles === "number";
    if (!progress || (progress.since_ms ?? 0) < LONG_MS) {
      fill(this.words, "no tile is with the worker");
      mark(this.bar, "value", 0);
      return;
    }
    // Once there is something to tell, the line stays, so that the card does not jump with every frame.
    this.tiles.hidden = false;
    const arrived = progress.arrived ?? 0;
    const which = known ? `tile ${Math.min(arrived + 1, progress.tiles)} of ${progress.tiles}` : "tiles";
    const frame = typeof progress.seq === "number" ? ` of frame ${progress.seq}` : "";
    const time = typeof progress.since_ms === "number" ? `, for ${ticking(progress.since_ms)}` : "";
    fill(this.words, `${which}${frame}${time}`, known ? `${arrived}/${progress.tiles}` : null);
    mark(this.bar, "max", known ? progress.tiles : 1);
    mark(this.bar, "value", known ? arrived : null);
  }
}
