// The figures of one camera: a list of names and values, filled from its state and from its maps.

import { element, field, fill } from "./dom.js";
import { bytes, duration, fixed, whole } from "./format.js";
import { levelsText, sizeText, windowText } from "./stream.js";

const FIGURES = [
  ["seq", "frame"],
  ["latency", "capture to view"],
  ["fps", "maps a second"],
  ["scheme", "scheme"],
  ["levels", "quantised to"],
  ["window", "window"],
  ["size", "pixels to windows"],
  ["bytes", "ciphertext a frame"],
  ["pool", "worker time"],
];

const GAPS = [
  ["missing", "missing"],
  ["dropped", "dropped by the camera"],
  ["incomplete", "incomplete"],
  ["unreadable", "unreadable"],
];

export class Figures {
  constructor() {
    this.fields = {};
    this.list = this.build("figures", FIGURES);
    this.gaps = this.build("figures gaps", GAPS);
    // A heading, because the map above may be of another moment.
    this.nodes = [element("h4", {}, "Now"), this.list, element("h4", {}, "Frames without a map"), this.gaps];
  }

  build(className, names) {
    const rows = names.map(([name, label]) => {
      this.fields[name] = field(name, "dd");
      return element("div", {}, element("dt", {}, label), this.fields[name]);
    });
    return element("dl", { class: className }, ...rows);
  }

  set(name, text, raw) {
    fill(this.fields[name], text, raw);
  }

  /// What changes with each map, from a map or from the last one that a state names.
  frame({ seq, latency_ms, pool_ms, bytes: size }) {
    this.set("seq", whole(seq), seq);
    this.set("latency", duration(latency_ms), latency_ms);
    this.set("pool", duration(pool_ms), pool_ms);
    this.set("bytes", bytes(size), size);
  }

  stream(stream) {
    this.set("scheme", stream.scheme);
    this.set("levels", levelsText(stream));
    this.set("window", windowText(stream));
    this.set("size", sizeText(stream));
  }

  state(state) {
    this.set("fps", fixed(state.fps, state.fps > 0 && state.fps < 1 ? 2 : 1), state.fps);
    for (const [name] of GAPS) {
      this.set(name, whole(state[name]), state[name]);
      this.fields[name].classList.toggle("some", state[name] > 0);
    }
  }
}
