// Size and window of a run.

import { Problem } from "./api.js";
import { fillSelect, say } from "./dom.js";

const at = (id) => document.getElementById(id);
const NAMES = ["width", "height", "stride", "padding"];

export class Form {
  constructor(lab) {
    this.maxSide = lab.max_side;
    for (const side of ["width", "height"]) at(side).max = lab.max_side;
    fillSelect(at("kernel"), lab.kernels.map((kernel) => [kernel, `${kernel}×${kernel}`]), lab.defaults.kernel);
    this.fill(lab.defaults);
    at("pooling-part").addEventListener("input", () => this.changed());
    at("match").addEventListener("click", () => this.match());
  }

  fill(values) {
    for (const name of [...NAMES, "kernel"]) at(name).value = values[name];
    this.changed();
  }

  values() {
    return Object.fromEntries([...NAMES, "kernel"].map((name) => [name, Number(at(name).value)]));
  }

  /// Bounds that follow from the kernel, and the size of the map.
  changed() {
    const { kernel, width, height, stride, padding } = this.values();
    for (const side of ["width", "height"]) at(side).min = kernel;
    at("padding").max = kernel - 1;
    const windows = (pixels) => Math.floor((pixels + 2 * padding - kernel) / stride) + 1;
    const known = NAMES.every((name) => at(name).validity.valid);
    say(at("outcome"), known ? `The map has ${windows(width)} by ${windows(height)} windows.` : "");
  }

  /// The first field that cannot be right, so that nobody waits for the viewer to say so.
  wrong() {
    for (const name of NAMES) {
      const input = at(name);
      if (input.validity.valid) continue;
      const error = new Problem(`${name} must be a whole number from ${input.min} to ${input.max}`, "change it");
      return { error, place: at("pooling-part"), input };
    }
    return null;
  }

  /// A picture that is no square would be squeezed into one: offers the size that keeps its shape.
  pictureSize(size) {
    this.picture = size;
    at("match").hidden = size.width === size.height;
  }

  match() {
    const { width, height } = this.picture;
    const longest = Math.max(this.values().width, this.values().height) || 32;
    const scale = longest / Math.max(width, height);
    const side = (pixels) => Math.min(Math.max(Math.round(pixels * scale), Number(at("kernel").value)), this.maxSide);
    at("width").value = side(width);
    at("height").value = side(height);
    this.changed();
  }
}
