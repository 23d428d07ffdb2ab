// The card of one camera: its map, its figures, its anomaly score.

import { Figures } from "./figures.js";
import { MapView } from "./map-view.js";
import { Refusals } from "./refusals.js";
import { ScoreSeries } from "./series.js";
import { Status } from "./status.js";
import { Timeline } from "./timeline.js";
import { announce } from "./announce.js";
import { ask } from "./api.js";
import { drawLegend } from "./legend.js";
import { element, freshId } from "./dom.js";
import { clock, duration } from "./format.js";
import { streamKey } from "./stream.js";

// Points of the timeline that are asked for: about one for each pixel of a card.
const POINTS = 600;

export class Card {
  constructor(camera, palette, spanMs) {
    this.camera = camera;
    this.path = `/api/cameras/${encodeURIComponent(camera)}`;
    this.series = new ScoreSeries();
    this.anomaly = null;
    this.pending = null;
    this.aheadMs = Date.now() - performance.now();
    this.status = new Status(camera);
    this.view = new MapView(camera, () => this.backToLive());
    this.figures = new Figures();
    this.refusals = new Refusals();
    this.timeline = new Timeline(camera, {
      series: this.series,
      now: () => this.now(),
      threshold: () => this.anomaly?.score?.threshold ?? null,
    }, (point) => this.openPoint(point), () => this.backToLive());
    this.legend = element("div", { class: "legend" });
    const title = freshId("camera");
    this.node = element(
      "article",
      { class: "card panel", data: { camera, state: "waiting" }, "aria-labelledby": title },
      element("header", {}, element("h3", { id: title }, camera), ...this.status.badges),
      this.view.node,
      this.legend,
      this.status.anomaly,
      this.timeline.node,
      this.status.tiles,
      this.refusals.node,
      ...this.figures.nodes,
    );
    this.timeline.node.hidden = true;
    this.setPalette(palette);
    this.span(spanMs);
  }

  /// The viewer's time, which its clock and ours need not agree on.
  now() {
    return performance.now() + this.aheadMs;
  }

  /// What the viewer says of the camera each second, and its clock.
  setState(state, nowUnixMs) {
    const { last, since_last_ms: since } = state;
    this.aheadMs = nowUnixMs - performance.now();
    // What was known last: a lost connection is no news of the camera.
    const before = this.known;
    this.known = this.node.dataset.state = state.state;
    if (state.state === "stalled" && before !== "stalled") announce(`Camera ${this.camera} is stalled: no map for ${duration(since)}.`);
    if (state.state === "live" && before === "stalled") announce(`Camera ${this.camera} is live again.`);
    this.anomaly = state.anomaly;
    this.status.show(state);
    if (state.stream) this.setStream(state.stream);
    this.figures.state(state);
    this.refusals.show(state.refused);
    if (last && !this.pending) this.figures.frame(last);
    this.setEventOpen(Boolean(state.anomaly?.event));
    if (state.anomaly?.mode === "watching") this.timeline.node.hidden = false;
    this.timeline.draw();
  }

  setStream(stream) {
    const key = streamKey(stream);
    if (key === this.streamKey) return;
    this.streamKey = key;
    this.stream = stream;
    this.figures.stream(stream);
    this.view.shape(stream);
    drawLegend(this.legend, stream, this.palette);
  }

  /// A map of now. It is only kept here; `render` draws the last one that came.
  map(record) {
    this.pending = record;
  }

  /// Intervals of the timeline that are new or have grown.
  scores(points) {
    this.series.add(points);
    this.timeline.node.hidden = false;
    this.timeline.draw();
  }

  render() {
    const record = this.pending;
    if (!record) return;
    this.pending = null;
    this.setStream(record.stream);
    this.figures.frame(record);
    this.status.score(record.score);
    this.view.live(record);
    this.timeline.draw();
  }

  setEventOpen(open) {
    this.status.eventOpen(open);
    this.node.classList.toggle("event-open", open);
    if (this.view.eventOpen === open) return;
    this.view.eventOpen = open;
    this.view.draw();
  }

  setPalette(palette) {
    this.palette = palette;
    this.view.palette = palette;
    this.view.draw();
    if (this.stream) drawLegend(this.legend, this.stream, palette);
  }

  /// Without a connection nobody knows whether the camera is live.
  disconnected() {
    this.node.dataset.state = "unknown";
    this.status.disconnected();
  }

  span(spanMs) {
    this.timeline.span(spanMs);
    this.loadScores();
  }

  async loadScores() {
    const { spanMs } = this.timeline;
    try {
      const { scores, interval_ms: intervalMs } = await ask(`${this.path}/scores?span_s=${spanMs / 1000}&points=${POINTS}`);
      // Another span was chosen meanwhile.
      if (spanMs !== this.timeline.spanMs) return;
      this.series.load(scores, intervalMs);
      if (scores.length) this.timeline.node.hidden = false;
      this.timeline.draw(true);
    } catch (error) {
      // New scores are told; only those of before are lacking.
      console.warn(`scores of camera ${this.camera}: ${error.message}`);
    }
  }

  /// Shows the map of a point of the timeline.
  openPoint(point) {
    const { session, seq, shown_unix_ms: shown } = point;
    this.timeline.setCursor(point);
    return this.openMoment(`${this.path}/maps/${encodeURIComponent(session)}/${seq}`, `Moment of ${clock(shown)}, frame ${seq}`);
  }

  /// Shows a map of an event, `begin` or `peak`.
  openEvent({ id, began_unix_ms: began }, moment) {
    this.timeline.setCursor(null);
    return this.openMoment(`/api/events/${encodeURIComponent(id)}/maps/${moment}`, `Event of ${clock(began)}`);
  }

  async openMoment(path, what) {
    this.loading?.abort();
    const { signal } = (this.loading = new AbortController());
    try {
      const record = await ask(path, { signal });
      this.view.showMoment(record);
      this.timeline.setCursor(this.series.points[this.series.indexOf(record)] ?? this.timeline.cursor);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.view.showProblem(`${what}: no map to show. ${error.message}`);
    }
  }

  /// Whether there was a moment to leave.
  backToLive() {
    this.loading?.abort();
    const left = this.view.occupied || this.timeline.cursor !== null;
    const focused = this.view.node.contains(document.activeElement);
    this.view.backToLive();
    this.timeline.setCursor(null);
    // The button goes away; the keyboard should not be thrown to the start of the page.
    if (focused) this.timeline.canvas.focus({ preventScroll: true });
    return left;
  }
}
