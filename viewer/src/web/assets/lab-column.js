// The column of one variant: how far it is, its pictures, its numbers.

import { Problem } from "./api.js";
import { bytes, duration, fixed, whole } from "./format.js";
import { element, field, fill, freshId, mark, say, sayOrHide } from "./dom.js";
import { stateWords, variantName, verdict } from "./lab-verdict.js";

const PICTURES = [
  ["original", "Original, in grey"],
  ["input", "Quantised input"],
  ["result", "Encrypted pooling, decrypted"],
  ["reference", "Plaintext pooling at 8 bits"],
  ["difference", "Difference of the last two"],
];

const NUMBERS = [
  ["wrong_cells", "windows changed by encryption", whole],
  ["max_error", "largest error, grey levels", whole],
  ["mean_error", "mean error, grey levels", (value) => fixed(value, 2)],
  ["encrypt_ms", "encrypting", duration],
  ["round_trip_ms", "first tile sent to last one back", duration],
  ["pool_ms", "worker time", duration],
  ["decrypt_ms", "decrypting", duration],
  ["compare_ms", "plaintext pooling, comparing", duration],
  ["bytes_up", "ciphertext to the worker", bytes],
  ["bytes_down", "ciphertext back", bytes],
];

export class Column {
  constructor(run, index) {
    this.index = index;
    this.path = `/api/lab/runs/${encodeURIComponent(run.id)}/${index}`;
    this.fields = { state: field("state"), tiles: field("tiles"), elapsed_ms: field("elapsed_ms") };
    this.bar = element("progress", { max: 1, value: 0, "aria-label": "tiles that are back" });
    this.verdict = element("p", { class: "verdict", role: "status" });
    this.problem = element("p", { class: "problem", role: "alert", hidden: true });
    this.images = new Map();
    const title = freshId("variant");
    this.node = element(
      "section",
      { class: "column panel", data: { variant: index }, "aria-labelledby": title },
      element("h3", { id: title }, variantName(run.variants[index])),
      element("p", { class: "step" }, this.fields.state),
      element("div", { class: "tiles" }, this.bar, this.fields.tiles, this.fields.elapsed_ms),
      element("div", {}, this.problem, this.verdict),
      element("div", { class: "pictures" }, ...PICTURES.map(([name, label]) => this.picture(run, name, label))),
      this.numbers(),
      element("p", { class: "csv" }, (this.csv = element("a", { hidden: true, download: this.fileName(run, "map", "csv"), href: `${this.path}/map.csv` }, "Table of all windows (CSV)"))),
    );
  }

  fileName(run, name, extension) {
    const { scheme, bits } = run.variants[this.index];
    return `blindsight-${scheme}-${bits}bit-${name}.${extension}`;
  }

  picture(run, name, label) {
    const variant = variantName(run.variants[this.index]);
    const image = element("img", { class: name, alt: `${label}, ${variant}`, hidden: true });
    const source = name === "original" ? `/api/lab/pictures/${encodeURIComponent(run.picture)}.png` : `${this.path}/${name}.png`;
    const link = element("a", { href: source, download: this.fileName(run, name, "png"), "aria-label": `PNG of ${label}, ${variant}`, hidden: true }, "PNG");
    const frame = element("div", { class: "frame" }, image);
    frame.style.aspectRatio = `${run.width} / ${run.height}`;
    this.images.set(name, { image, link, source });
    return element("figure", {}, frame, element("figcaption", {}, `${label} `, link));
  }

  /// Each picture is asked for once, when it is known to be there.
  reveal(name) {
    const { image, link, source } = this.images.get(name);
    if (!image.hidden) return;
    image.src = source;
    image.hidden = false;
    link.hidden = false;
  }

  numbers() {
    const rows = NUMBERS.map(([name, label]) => {
      this.fields[name] = field(name, "dd");
      return element("div", {}, element("dt", {}, label), this.fields[name]);
    });
    return element("dl", { class: "numbers-list" }, ...rows);
  }

  show(run) {
    const variant = run.variants[this.index];
    this.node.dataset.state = variant.state;
    fill(this.fields.state, stateWords(variant, run), variant.state);
    this.showTiles(variant);
    sayOrHide(this.problem, variant.error ? new Problem(variant.error.error, variant.error.mend).message : null);
    for (const [name, , text] of NUMBERS) fill(this.fields[name], text(variant[name]), variant[name]);
    const words = verdict(variant);
    this.verdict.dataset.kind = words?.kind ?? "none";
    say(this.verdict, words?.text ?? "");
    this.verdict.hidden = Boolean(variant.error);
    this.reveal("original");
    if (variant.state !== "done") return;
    for (const name of this.images.keys()) this.reveal(name);
    this.csv.hidden = false;
  }

  showTiles({ tiles, tiles_sent: sent, tiles_back: back, elapsed_ms: elapsed }) {
    const known = typeof tiles === "number";
    fill(this.fields.tiles, known ? `${sent ?? 0} of ${tiles} tiles sent, ${back ?? 0} back` : "tiles not known yet", known ? `${back ?? 0}/${tiles}` : null);
    mark(this.bar, "max", known ? Math.max(tiles, 1) : 1);
    mark(this.bar, "value", known ? back ?? 0 : 0);
    fill(this.fields.elapsed_ms, typeof elapsed === "number" ? duration(elapsed) : "", elapsed);
  }
}
