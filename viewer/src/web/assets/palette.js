// Colour scales. Each is a few anchors, read off the published tables of matplotlib at equal steps, and lines between.

const ANCHORS = {
  viridis: ["440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "addc30", "fde725"],
  inferno: ["000004", "210c4a", "56106e", "89226a", "bb3754", "e35933", "f98e09", "f9cb35", "fcffa4"],
  grey: ["000000", "ffffff"],
};

export const PALETTES = Object.keys(ANCHORS);

function parse(hex) {
  return [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

/// Red, green and blue at `part` (0 to 1) of a scale.
export function colourAt(palette, part) {
  const anchors = ANCHORS[palette];
  const place = Math.min(Math.max(part, 0), 1) * (anchors.length - 1);
  const low = Math.min(Math.floor(place), anchors.length - 2);
  const [from, to] = [parse(anchors[low]), parse(anchors[low + 1])];
  return from.map((channel, index) => Math.round(channel + (to[index] - channel) * (place - low)));
}

export function cssColour(palette, level, levelCount) {
  return `rgb(${colourAt(palette, level / levelCount).join(" ")})`;
}

const tables = new Map();

/// One pixel for each byte value, in the byte order of image data. A value above the levels takes the top colour.
export function pixelTable(palette, levelCount) {
  const key = `${palette} ${levelCount}`;
  let table = tables.get(key);
  if (!table) {
    const channels = new Uint8ClampedArray(256 * 4);
    for (let level = 0; level < 256; level += 1) {
      channels.set([...colourAt(palette, level / levelCount), 255], level * 4);
    }
    table = new Uint32Array(channels.buffer);
    tables.set(key, table);
  }
  return table;
}
