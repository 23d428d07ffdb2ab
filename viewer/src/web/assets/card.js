// The card of one camera: its map, its figures, its anomaly score.

import { Figures } from "./figures.js";
import { MapView } from "./map-view.js";
import { ScoreSeries } from "./series.js";
import { Status } from "./status.js";
import { Timeline } from "./timeline.js";
import { announce } from "./announce.js";
import { ask } from "./api.js";
import { drawLegend } from "./legend.js";
import { element, freshId } from "./dom.js";
import { clock, duration } from "./format.js";
import { streamKey } from "./stream.js";

export class Card {
  /// `events`: the event store of the page, for the bands of the timeline.
  constructor(camera, events, palette, spanMs) {
    this.camera = camera;
    this.path = `/api/cameras/${encodeURIComponent(camera)}`;
    this.events = events;
    this.series = new ScoreSeries();
    this.anomaly = null;
    this.pending = null;
    this.aheadMs = Date.now() - performance.now();
    this.status = new Status(camera);
    this.view = new MapView(camera, () => this.backToLive());
    this.figures = new Figures();
    this.timeline = new Timeline(camera, {
      series: this.series,
      now: () => this.now(),
      bands: () => this.events.ofCamera(camera),
      threshold: () => this.anomaly?.score?.threshold ?? null,
    }, (point) => this.openMoment(point), () => this.backToLive());
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
      ...this.figures.nodes,
    );
    this.timeline.node.hidden = true;
    this.setPalette(palette);
    this.timeline.span(spanMs);
    this.loadScores();
  }

  /// The viewer's time, which its clock and ours need not agree on.
  now() {
    return performance.now() + this.aheadMs;
  }

  /// What the viewer says of the camera each second.
  setState(state) {
    const { last, since_last_ms: since } = state;
    if (last && since !== null) this.aheadMs = last.captured_unix_ms + last.latency_ms + since - performance.now();
    const before = this.node.dataset.state;
    this.node.dataset.state = state.state;
    if (state.state === "stalled" && before !== "stalled") announce(`Camera ${this.camera} is stalled: no map for ${duration(since)}.`);
    if (state.state === "live" && before === "stalled") announce(`Camera ${this.camera} is live again.`);
    this.anomaly = state.anomaly;
    this.status.show(state);
    if (state.stream) this.setStream(state.stream);
    this.figures.state(state);
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
    if (!record.score) return;
    const { session, seq, captured_unix_ms, score } = record;
    this.series.add({ session, seq, captured_unix_ms, score: score.value, threshold: score.threshold, event: this.anomaly?.event ?? null });
  }

  render() {
    const record = this.pending;
    if (!record) return;
    this.pending = null;
    this.setStream(record.stream);
    this.figures.frame(record);
    this.status.score(record.score);
    this.view.live(record);
    if (record.score) this.timeline.node.hidden = false;
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

  async loadScores() {
    try {
      const { scores } = await ask(`${this.path}/scores?limit=9000`);
      this.series.merge(scores);
      if (scores.length) this.timeline.node.hidden = false;
      this.timeline.draw(true);
    } catch (error) {
      // New scores come with the maps; only those of before are lacking.
      console.warn(`scores of camera ${this.camera}: ${error.message}`);
    }
  }

  /// Shows the map of a moment: a score point, or what an event says of itself.
  async openMoment({ session, seq, captured_unix_ms }) {
    this.loading?.abort();
    const { signal } = (this.loading = new AbortController());
    const index = this.series.indexOf({ session, seq, captured_unix_ms });
    this.timeline.setCursor(this.series.points[index] ?? null);
    try {
      this.view.showMoment(await ask(`${this.path}/maps/${encodeURIComponent(session)}/${seq}`, { signal }));
    } catch (error) {
      if (error.name === "AbortError") return;
      this.view.showProblem(`Moment of ${clock(captured_unix_ms)}, frame ${seq}: no map to show. ${error.message}`);
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
