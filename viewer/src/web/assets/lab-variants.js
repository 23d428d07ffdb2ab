// The rows of variants: scheme and bits of each.

import { Problem } from "./api.js";
import { count } from "./format.js";
import { element, fillSelect, say } from "./dom.js";

export class Variants {
  constructor(node, add, hint, lab) {
    this.node = node;
    this.addButton = add;
    this.hint = hint;
    this.schemes = new Map(lab.schemes.map(({ scheme, bits }) => [scheme, bits]));
    this.most = lab.max_variants;
    this.rows = [];
    add.addEventListener("click", () => {
      const row = this.add(this.rows.at(-1)?.value() ?? lab.defaults.variants[0]);
      row.scheme.focus();
    });
    this.fill(lab.defaults.variants);
  }

  fill(variants) {
    this.rows = [];
    this.node.replaceChildren();
    for (const variant of variants) this.add(variant);
  }

  add({ scheme, bits }) {
    const row = {
      scheme: element("select", {}),
      bits: element("select", {}),
      remove: element("button", { type: "button" }, "Remove"),
      value: () => ({ scheme: row.scheme.value, bits: Number(row.bits.value) }),
    };
    fillSelect(row.scheme, [...this.schemes.keys()].map((name) => [name, name]), scheme);
    const offer = (chosen) => {
      const offered = this.schemes.get(row.scheme.value) ?? [];
      // Another scheme may not have the bits that were chosen.
      fillSelect(row.bits, offered.map((each) => [each, count(each, "bit")]), offered.includes(chosen) ? chosen : offered.at(-1));
    };
    offer(bits);
    row.scheme.addEventListener("change", () => offer(row.value().bits));
    row.remove.addEventListener("click", () => this.remove(row));
    row.node = element("fieldset", { class: "variant" }, element("legend", {}), element("label", {}, "Scheme ", row.scheme), element("label", {}, "Levels ", row.bits), row.remove);
    this.rows.push(row);
    this.node.append(row.node);
    this.number();
    return row;
  }

  remove(row) {
    const index = this.rows.indexOf(row);
    this.rows.splice(index, 1);
    row.node.remove();
    this.number();
    // The focus was on the button that went away.
    (this.rows[Math.min(index, this.rows.length - 1)]?.scheme ?? this.addButton).focus();
  }

  number() {
    this.rows.forEach((row, index) => {
      say(row.node.querySelector("legend"), `Variant ${index + 1}`);
      row.remove.disabled = this.rows.length === 1;
      row.remove.setAttribute("aria-label", `Remove variant ${index + 1}`);
    });
    this.addButton.disabled = this.rows.length >= this.most;
    say(this.hint, this.addButton.disabled ? `A run has at most ${count(this.most, "variant")}.` : "");
  }

  values() {
    return this.rows.map((row) => row.value());
  }

  wrong() {
    const row = this.rows.find(({ bits }) => !bits.value);
    if (!row) return null;
    return { error: new Problem("this scheme offers no levels here", "choose another scheme"), place: this.node.parentElement, input: row.scheme };
  }
}
