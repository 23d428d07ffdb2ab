// The timeline of one camera's anomaly score. It is a slider: arrows move a cursor, Enter opens the moment under it, and so
// does a click.

import { drawTimeline, layout, roundUp } from "./timeline-draw.js";
import { element, mark, say } from "./dom.js";
import { clock, duration, fixed } from "./format.js";

const HINT = "Click, or move with the arrow keys and press Enter, to see the map of a moment.";
// The axis moves with time; four times a second is smooth enough to look at.
const REDRAW_MS = 250;
const PAGE = 10;

export class Timeline {
  /// `source`: `series`, `now()` and `threshold()`. `open(point)` shows a moment, `leave()` ends it.
  constructor(camera, source, open, leave) {
    this.camera = camera;
    this.source = source;
    this.openMoment = open;
    this.leave = leave;
    this.cursor = null;
    this.hover = null;
    this.drawnAt = -Infinity;
    this.canvas = element("canvas", {
      class: "scores", tabIndex: 0, role: "slider", "aria-valuemin": 0, "aria-valuemax": 0, "aria-valuenow": 0, "aria-valuetext": "no score yet",
    });
    this.context = this.canvas.getContext("2d");
    this.readout = element("p", { class: "readout quiet" }, HINT);
    this.node = element("div", { class: "timeline" }, element("h4", {}, "Anomaly score"), this.canvas, this.readout);
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("focus", () => this.describe());
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => this.unpoint());
    this.canvas.addEventListener("click", (event) => this.click(event));
    new ResizeObserver(() => this.draw(true)).observe(this.canvas);
  }

  span(spanMs) {
    this.spanMs = spanMs;
    mark(this.canvas, "aria-label", `Anomaly score of camera ${this.camera}, last ${duration(spanMs)}. ${HINT}`);
    this.draw(true);
  }

  key(event) {
    const { points } = this.source.series;
    if (event.ctrlKey || event.metaKey || event.altKey || !points.length) return;
    const last = points.length - 1;
    const first = Math.min(this.first(), last);
    const at = this.cursor ? this.source.series.indexOf(this.cursor) : -1;
    // Without a cursor the first step goes to the latest point.
    const step = (by) => (at < 0 ? last : at + by);
    const to = {
      ArrowLeft: () => step(-1), ArrowDown: () => step(-1), ArrowRight: () => step(1), ArrowUp: () => step(1),
      PageDown: () => step(-PAGE), PageUp: () => step(PAGE), Home: () => first, End: () => last,
    }[event.key];
    if (to) this.cursor = points[Math.min(Math.max(to(), first), last)];
    else if ((event.key === "Enter" || event.key === " ") && this.cursor) this.openMoment(this.cursor);
    else return;
    event.preventDefault();
    this.describe();
    this.draw(true);
  }

  pointUnder(event) {
    if (!this.place) return null;
    const x = event.clientX - this.canvas.getBoundingClientRect().left;
    const index = this.source.series.nearest(this.place.time(x));
    return index < 0 ? null : this.source.series.points[Math.max(index, Math.min(this.first(), this.source.series.points.length - 1))];
  }

  point(event) {
    this.hover = this.pointUnder(event);
    this.read();
    this.draw(true);
  }

  unpoint() {
    this.hover = null;
    this.read();
    this.draw(true);
  }

  click(event) {
    const point = this.pointUnder(event);
    if (!point) return;
    this.cursor = point;
    this.describe();
    this.draw(true);
    this.openMoment(point);
  }

  /// The moment was left, or another one opened from elsewhere.
  setCursor(point) {
    this.cursor = point;
    this.describe();
    this.draw(true);
  }

  words(point) {
    const event = point.event ? ", in an event" : "";
    return `${clock(point.shown_unix_ms)}, captured ${clock(point.captured_unix_ms)}, frame ${point.seq}, score ${fixed(point.score, 2)} of threshold ${fixed(point.threshold, 2)}${event}`;
  }

  /// What a screen reader says of the slider; told only when the reader moves it, not with each new point.
  describe() {
    const { series } = this.source;
    mark(this.canvas, "aria-valuemax", Math.max(series.points.length - 1, 0));
    const point = this.cursor ?? series.latest;
    mark(this.canvas, "aria-valuenow", point ? Math.max(series.indexOf(point), 0) : 0);
    mark(this.canvas, "aria-valuetext", point ? `${this.cursor ? "" : "latest: "}${this.words(point)}` : "no score yet");
    this.read();
  }

  read() {
    const point = this.hover ?? this.cursor;
    say(this.readout, point ? this.words(point) : HINT);
  }

  first() {
    return this.source.series.from(this.source.now() - this.spanMs);
  }

  draw(atOnce = false) {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || document.hidden) return;
    if (!atOnce && performance.now() - this.drawnAt < REDRAW_MS) return;
    this.drawnAt = performance.now();
    this.fit(width, height);
    const to = this.source.now();
    const { points } = this.source.series;
    const first = this.source.series.from(to - this.spanMs);
    const threshold = this.source.threshold() ?? points.at(-1)?.threshold ?? null;
    let highest = (threshold ?? 0) * 1.25;
    for (let index = first; index < points.length; index += 1) highest = Math.max(highest, points[index].score);
    this.place = layout(width, height, to - this.spanMs, to, roundUp(highest));
    const { cursor, hover } = this;
    drawTimeline(this.context, this.place, { points, first, threshold, bands: this.source.series.events(), cursor, hover, colours: colours() });
  }

  fit(width, height) {
    const ratio = window.devicePixelRatio || 1;
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width === wide && this.canvas.height === high) return;
    this.canvas.width = wide;
    this.canvas.height = high;
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
  }
}

let known = null;
const dark = matchMedia("(prefers-color-scheme: dark)");
dark.addEventListener("change", () => (known = null));

/// The colours of the style sheet, read once for each colour scheme.
function colours() {
  if (known) return known;
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  known = {
    ink: read("--ink"), quiet: read("--quiet"), rule: read("--rule"), score: read("--accent"),
    threshold: read("--bad"), band: read("--band"), font: getComputedStyle(document.body).fontFamily,
  };
  return known;
}
