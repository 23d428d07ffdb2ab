// Draws anomaly scores over time on a canvas: the score, its threshold, bands where events were, a time axis, the cursor.

import { clock, clockMinutes, fixed } from "./format.js";

const LEFT = 38;
const BOTTOM = 18;
const TOP = 6;
const TICKS_MS = [5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3, 1800e3];

/// Where times and scores lie on the canvas.
export function layout(width, height, from, to, top) {
  const [right, floor] = [width - 4, height - BOTTOM];
  return {
    left: LEFT, right, floor, top: TOP, from, to, highest: top,
    x: (time) => LEFT + ((time - from) / (to - from)) * (right - LEFT),
    y: (score) => floor - (Math.min(score, top) / top) * (floor - TOP),
    time: (x) => from + ((x - LEFT) / (right - LEFT)) * (to - from),
  };
}

/// A round number at or above `value`, so that the scale does not breathe with every point.
export function roundUp(value) {
  if (!(value > 0)) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  return unit * [1, 1.5, 2, 3, 5, 7, 10].find((step) => step * unit >= value * 0.9999);
}

export function drawTimeline(context, place, { points, first, threshold, bands, cursor, hover, colours }) {
  context.clearRect(0, 0, place.right + 4, place.floor + BOTTOM);
  context.font = `11px ${colours.font}`;
  drawAxes(context, place, colours);
  context.save();
  context.beginPath();
  context.rect(place.left, 0, place.right - place.left, place.floor);
  context.clip();
  drawBands(context, place, bands, colours);
  drawThreshold(context, place, points, first, threshold, colours);
  drawScores(context, place, points, first, colours);
  for (const [point, width] of [[hover, 1], [cursor, 2]]) if (point) drawMark(context, place, point, width, colours);
  context.restore();
}

function drawAxes(context, place, colours) {
  context.strokeStyle = colours.rule;
  context.fillStyle = colours.quiet;
  context.lineWidth = 1;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const score of [0, place.highest / 2, place.highest]) {
    const y = Math.round(place.y(score)) + 0.5;
    line(context, place.left, y, place.right, y);
    context.fillText(fixed(score, place.highest < 1 ? 2 : 1), place.left - 5, Math.max(y, 7));
  }
  const room = Math.max(2, Math.floor((place.right - place.left) / 80));
  const step = TICKS_MS.find((each) => (place.to - place.from) / each <= room) ?? 3600e3;
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  for (let time = Math.ceil(place.from / step) * step; time < place.to; time += step) {
    const x = Math.round(place.x(time)) + 0.5;
    line(context, x, place.floor, x, place.floor + 4);
    // A label that would be cut off is left out.
    if (x < place.left + 12 || x > place.right - 26) continue;
    context.fillText(step % 60e3 === 0 ? clockMinutes(time) : clock(time).slice(-8), x, place.floor + 15);
  }
}

function line(context, x1, y1, x2, y2) {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}

function drawBands(context, place, bands, colours) {
  context.fillStyle = colours.band;
  for (const { from, to } of bands) {
    const x = place.x(from);
    // A short event keeps a width that can be seen.
    context.fillRect(x, place.top, Math.max(place.x(to) - x, 3), place.floor - place.top);
  }
}

/// The threshold is learnt and may move: each point has its own.
function drawThreshold(context, place, points, first, threshold, colours) {
  context.strokeStyle = colours.threshold;
  context.setLineDash([5, 4]);
  context.lineWidth = 1.5;
  context.beginPath();
  let last = points[first]?.threshold ?? threshold;
  if (last !== null && last !== undefined) {
    context.moveTo(place.left, place.y(last));
    for (let index = first + 1; index < points.length; index += 1) {
      if (points[index].threshold === last) continue;
      const x = place.x(points[index].shown_unix_ms);
      context.lineTo(x, place.y(last));
      last = points[index].threshold;
      context.lineTo(x, place.y(last));
    }
    context.lineTo(place.right, place.y(last));
  }
  context.stroke();
  context.setLineDash([]);
}

function drawScores(context, place, points, first, colours) {
  const shown = points.length - first;
  if (!shown) return;
  const ratio = window.devicePixelRatio || 1;
  const typical = (points.at(-1).shown_unix_ms - points[first].shown_unix_ms) / Math.max(shown - 1, 1);
  const gap = Math.max(5 * typical, 3000);
  context.strokeStyle = colours.score;
  context.fillStyle = colours.score;
  context.lineWidth = 1.5;
  context.lineJoin = "round";
  context.beginPath();
  // Of all points in one column of pixels the lowest and the highest are enough.
  let [column, low, high, before] = [null, 0, 0, -Infinity];
  const flush = () => {
    if (column === null) return;
    context.lineTo(column, place.y(low));
    if (high !== low) context.lineTo(column, place.y(high));
  };
  for (let index = first; index < points.length; index += 1) {
    const { shown_unix_ms: time, score } = points[index];
    const x = Math.round(place.x(time) * ratio) / ratio;
    if (time - before > gap) {
      flush();
      column = null;
      context.moveTo(x, place.y(score));
    }
    if (x !== column) {
      flush();
      [column, low, high] = [x, score, score];
    }
    low = Math.min(low, score);
    high = Math.max(high, score);
    before = time;
  }
  flush();
  context.stroke();
  // Few points are also shown as such.
  if (shown > (place.right - place.left) / 6) return;
  for (let index = first; index < points.length; index += 1) dot(context, place, points[index], 2);
}

function dot(context, place, point, radius) {
  context.beginPath();
  context.arc(place.x(point.shown_unix_ms), place.y(point.score), radius, 0, 2 * Math.PI);
  context.fill();
}

function drawMark(context, place, point, width, colours) {
  const x = place.x(point.shown_unix_ms);
  context.strokeStyle = colours.ink;
  context.fillStyle = colours.ink;
  context.lineWidth = width;
  line(context, x, place.top, x, place.floor);
  dot(context, place, point, 4);
}
