// The map of one card: of now, or of a moment that the reader chose.

import { Heatmap, decode } from "./heatmap.js";
import { announce } from "./announce.js";
import { element, mark, say } from "./dom.js";
import { clock } from "./format.js";

export class MapView {
  /// `leave` is called by the button that ends a moment.
  constructor(camera, leave) {
    this.camera = camera;
    this.latest = null;
    this.moment = null;
    this.palette = "viridis";
    this.eventOpen = false;
    this.canvas = element("canvas", { class: "map", role: "img", width: 16, height: 9, "aria-label": `no map of camera ${camera} yet` });
    this.heatmap = new Heatmap(this.canvas);
    this.region = element("div", { class: "region", hidden: true });
    this.empty = element("p", { class: "empty" }, "Waiting for the first map.");
    this.stage = element("div", { class: "stage" }, this.canvas, this.region, this.empty);
    this.words = element("p", { class: "words" });
    this.caption = element("p", { class: "words" }, "No map yet.");
    this.back = element("button", { type: "button", hidden: true, onclick: leave }, "Back to live");
    this.strip = element("div", { class: "strip" }, this.caption, this.words, this.back);
    this.node = element("div", { class: "view" }, this.stage, this.strip);
    this.notice("", "live", "");
  }

  /// The shape is known before the first map is, so that nothing moves when it comes.
  shape(stream) {
    this.stage.style.setProperty("--ratio", stream.map_width / stream.map_height);
  }

  /// A new map of now.
  live(record) {
    this.latest = record;
    if (!this.moment) this.draw();
  }

  showMoment(record) {
    this.moment = record;
    const { shown_unix_ms: shown, captured_unix_ms: captured, seq } = record;
    this.notice(`Moment of ${clock(shown)}, frame ${seq}, captured ${clock(captured)}`, "moment", "Back to live");
    this.draw();
  }

  /// Says why a moment cannot be shown; the map of now stays.
  showProblem(sentence) {
    this.moment = null;
    this.notice(sentence, "problem", "Close");
    this.draw();
  }

  backToLive() {
    this.moment = null;
    this.notice("", "live", "");
    this.draw();
  }

  notice(text, kind, button) {
    say(this.words, text);
    // A line that was hidden until now is not read out by itself.
    if (text) announce(text);
    this.strip.dataset.kind = kind;
    this.caption.hidden = kind !== "live";
    this.words.hidden = kind === "live";
    this.back.hidden = kind === "live";
    say(this.back, button);
    this.stage.dataset.kind = kind;
  }

  get occupied() {
    return this.strip.dataset.kind === "moment" || this.strip.dataset.kind === "problem";
  }

  draw() {
    const record = this.moment ?? this.latest;
    if (!record) return;
    const { stream } = record;
    let values;
    try {
      values = decode(record.values, stream.map_width * stream.map_height);
    } catch {
      this.empty.hidden = false;
      say(this.empty, `Frame ${record.seq} came with values that do not fit its size.`);
      return;
    }
    this.empty.hidden = true;
    this.shape(stream);
    this.heatmap.draw(values, stream.map_width, stream.map_height, stream.level_count, this.palette);
    const size = `${stream.map_width} by ${stream.map_height} windows`;
    mark(this.canvas, "aria-label", `pooled map of camera ${this.camera}, ${size}, frame ${record.seq}`);
    say(this.caption, `Frame ${record.seq}, captured ${clock(record.captured_unix_ms)}`);
    this.outline(record);
  }

  outline({ score, stream }) {
    const region = score?.region;
    // A past map says by its score whether an event was open; that of now is told.
    const wanted = region && (this.moment ? score.value >= score.threshold : this.eventOpen);
    this.region.hidden = !wanted;
    if (!wanted) return;
    const { style } = this.region;
    style.left = `${(region.x / stream.map_width) * 100}%`;
    style.top = `${(region.y / stream.map_height) * 100}%`;
    style.width = `${(region.width / stream.map_width) * 100}%`;
    style.height = `${(region.height / stream.map_height) * 100}%`;
  }
}
