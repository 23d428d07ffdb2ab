// A pooled map on a canvas: one canvas pixel for each window, scaled up by the style sheet.

import { pixelTable } from "./palette.js";

/// The bytes of a map; throws when they are not as many as the stream says.
export function decode(base64, expected) {
  const text = atob(base64);
  if (text.length !== expected) throw new RangeError(`a map of ${text.length} values, not ${expected}`);
  const values = new Uint8Array(expected);
  for (let index = 0; index < expected; index += 1) values[index] = text.charCodeAt(index);
  return values;
}

export class Heatmap {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.image = null;
  }

  draw(values, width, height, levelCount, palette) {
    // The buffer is kept between maps of one size: ten maps a second should leave no rubbish behind.
    if (this.image?.width !== width || this.image.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.image = this.context.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    const table = pixelTable(palette, levelCount);
    for (let index = 0; index < values.length; index += 1) this.pixels[index] = table[values[index]];
    this.context.putImageData(this.image, 0, 0);
  }
}
