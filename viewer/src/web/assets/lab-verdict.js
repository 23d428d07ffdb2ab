// What the numbers of a variant say, in a sentence.

import { count, fixed } from "./format.js";

const STATES = {
  queued: "waiting for its turn",
  encrypting: "encrypting here, in the viewer",
  pooling: "the worker is pooling ciphertexts",
  done: "done",
  failed: "failed",
};

export function stateWords(variant, run) {
  if (run.state === "cancelled" && variant.state !== "done" && variant.state !== "failed") return "cancelled";
  const isBack = variant.tiles > 0 && variant.tiles_back === variant.tiles;
  if (variant.state === "pooling" && isBack) return "decrypting and comparing here, in the viewer";
  return STATES[variant.state] ?? variant.state;
}

export function variantName({ scheme, bits }) {
  return `${scheme}, ${count(bits, "bit")}`;
}

/// Two things can make a result differ: quantising, which is chosen, and encryption, which never should.
export function verdict(variant) {
  const { wrong_cells: wrong, max_error: most, mean_error: mean, bits } = variant;
  if (wrong === null || wrong === undefined) return null;
  const windows = variant.map_width * variant.map_height;
  if (wrong > 0) {
    return { kind: "wrong", text: `Wrong: ${wrong} of ${count(windows, "window")} differ from plaintext pooling of the very same quantised picture. Please report this.` };
  }
  if (most === 0) {
    return { kind: "exact", text: `Exact: every one of ${count(windows, "window")} equals plaintext pooling.` };
  }
  const off = `at most ${count(most, "grey level")} off, ${fixed(mean, 2)} on average`;
  return { kind: "approximate", text: `Approximate by design: ${count(bits, "bit")}, ${off}. Encryption itself changed 0 of ${count(windows, "window")}.` };
}
