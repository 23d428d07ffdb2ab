// What a stream's numbers mean, in words.

/// A key that changes when anything about a stream does.
export function streamKey(stream) {
  return JSON.stringify(stream);
}

export function levelsText(stream) {
  // A long list of thresholds is in the legend's place, not here.
  return stream.bits || stream.thresholds.length <= 4 ? stream.levels : `${stream.level_count} thresholds`;
}

export function windowText({ kernel, stride, padding }) {
  return `${kernel}×${kernel}, stride ${stride}, padding ${padding}`;
}

export function sizeText(stream) {
  return `${stream.width}×${stream.height} to ${stream.map_width}×${stream.map_height}`;
}

/// What a level of the map says about the window below it.
export function meaning(stream, level) {
  const threshold = stream.thresholds[level - 1];
  const next = stream.thresholds[level];
  if (stream.bits) {
    const from = level === 0 ? 0 : threshold;
    return `grey value ${from} to ${(next ?? 256) - 1}`;
  }
  if (level === 0) return `below ${stream.thresholds[0]}`;
  return `reaches threshold ${threshold}`;
}

/// One sentence for the whole scale.
export function scaleSentence(stream) {
  const top = stream.level_count;
  if (stream.bits) {
    const step = 2 ** (8 - stream.bits);
    return `Level 0 to ${top}: the largest grey value of the window is at least level × ${step}.`;
  }
  return `Level 0 to ${top}: the largest feature value of the window (0 to 255) reaches that threshold.`;
}
