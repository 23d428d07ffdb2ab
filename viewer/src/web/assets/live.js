// The live page: events of the viewer in, cards and the list of events out.

import { Card } from "./card.js";
import { EventList } from "./event-list.js";
import { EventStore } from "./events.js";
import { Feed } from "./feed.js";
import { PALETTES } from "./palette.js";
import { announce } from "./announce.js";
import { ask } from "./api.js";
import { clock, count, fixed } from "./format.js";
import { fillSelect, say, sayOrHide } from "./dom.js";
import { recall, remember } from "./settings.js";
import { SPANS_MS, buildSpans } from "./spans.js";

const at = (id) => document.getElementById(id);
const cards = new Map();
const events = new EventStore();
const list = new EventList(at("event-list"), at("no-event"), events, showEvent);

const palette = at("palette");
fillSelect(palette, PALETTES.map((name) => [name, name]), recall("palette", PALETTES, "viridis"));
palette.addEventListener("change", () => {
  remember("palette", palette.value);
  for (const card of cards.values()) card.setPalette(palette.value);
});

let spanMs = Number(recall("span", SPANS_MS.map(String), "60000"));
buildSpans(at("spans"), spanMs, (chosen) => {
  spanMs = chosen;
  remember("span", String(chosen));
  for (const card of cards.values()) card.span(chosen);
});

// Maps are drawn when the browser draws: of several that came in between the last one is, and none while the tab is hidden.
let drawing = false;
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    for (const card of cards.values()) card.render();
  });
}

function showCameras({ site, now_unix_ms: now, cameras, refused }) {
  say(at("site"), site ?? "");
  sayOrHide(at("refused"), refused ? `${count(refused, "message")} refused` : null);
  at("no-camera").hidden = cameras.length > 0;
  say(at("no-camera"), "No camera has been seen yet. A card appears here when the first one sends a frame.");
  const named = new Set(cameras.map((state) => state.camera));
  for (const [name, card] of cards) {
    if (named.has(name)) continue;
    card.node.remove();
    cards.delete(name);
  }
  for (const state of cameras) cardOf(state.camera).setState(state, now);
}

function cardOf(camera) {
  let card = cards.get(camera);
  if (!card) {
    card = new Card(camera, palette.value, spanMs);
    cards.set(camera, card);
    at("cards").append(card.node);
  }
  return card;
}

function showMap(record) {
  cardOf(record.camera).map(record);
  draw();
}

function takeEvent(event) {
  const begun = events.merge(event);
  if (begun) {
    const { camera, began_unix_ms: began, score, threshold } = event;
    announce(`An event began at camera ${camera} at ${clock(began)}: score ${fixed(score, 2)}, threshold ${fixed(threshold, 2)}.`);
  }
  // Told at once, not with the state of the next second.
  cards.get(event.camera)?.setEventOpen(events.ofCamera(event.camera).some((other) => other.ended_unix_ms === null));
  list.refresh();
}

function showScores({ camera, scores }) {
  cards.get(camera)?.scores(scores);
}

/// The map of a moment of an event, `begin` or `peak`.
function showEvent(event, moment) {
  const card = cards.get(event.camera);
  say(at("event-problem"), card ? "" : `Nothing has come from camera ${event.camera} since the viewer was started.`);
  if (!card) return;
  card.openEvent(event, moment);
  card.node.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

let loaded = false;
async function loadEvents() {
  try {
    const openBefore = events.openIds();
    const kept = (await ask("/api/events?limit=100")).events;
    // What a viewer that was killed had not ended, the next one does not know. One that goes on is told again.
    const ids = new Set(kept.map((event) => event.id));
    openBefore.filter((id) => !ids.has(id)).forEach((id) => events.forget(id));
    // What was going on before the page was opened is no news.
    if (loaded) kept.forEach(takeEvent);
    else kept.forEach((event) => events.merge(event));
    loaded = true;
    list.refresh();
  } catch (error) {
    console.warn(`events: ${error.message}`);
  }
}

async function loadHealth() {
  try {
    const { ready, lacking, version, site } = await ask("/api/health");
    say(at("about"), `Blindsight ${version}${site ? `, site ${site}` : ""}`);
    sayOrHide(at("lacking"), ready ? null : `The viewer is not ready yet. Lacking: ${lacking.join(", ")}.`);
    if (!ready) setTimeout(loadHealth, 5000);
  } catch {
    // The state of the connection tells it already.
  }
}

function connection(open) {
  const badge = at("connection");
  badge.dataset.connection = open ? "open" : "connecting";
  say(badge, open ? "connected" : "reconnecting");
  if (!open) {
    for (const card of cards.values()) card.disconnected();
    return;
  }
  // What was missed meanwhile. Cards that are still to be made load their own scores.
  loadEvents();
  loadHealth();
  for (const card of cards.values()) card.loadScores();
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const focused = [...cards.values()].filter((card) => card.node.contains(document.activeElement));
  if (!focused.some((card) => card.backToLive())) for (const card of cards.values()) card.backToLive();
});

new Feed("/api/live", { connection, cameras: showCameras, map: showMap, scores: showScores, anomaly: takeEvent });
