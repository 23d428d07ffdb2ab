// The legend of a map: which colour is which level, and what a level says.

import { element } from "./dom.js";
import { cssColour } from "./palette.js";
import { meaning, scaleSentence } from "./stream.js";

// More swatches than this would not fit on a phone.
const SWATCHES = 8;

function swatch(palette, level, top) {
  const colour = element("span", { class: "swatch", "aria-hidden": "true" });
  colour.style.backgroundColor = cssColour(palette, level, top);
  return colour;
}

/// Fills `node` with the legend of a stream.
export function drawLegend(node, stream, palette) {
  const top = stream.level_count;
  if (top < SWATCHES) {
    const items = Array.from({ length: top + 1 }, (_, level) =>
      element("li", {}, swatch(palette, level, top), `${level}: ${meaning(stream, level)}`),
    );
    node.replaceChildren(element("ul", { class: "swatches" }, ...items), element("p", { class: "quiet" }, scaleSentence(stream)));
    return;
  }
  const bar = element("div", { class: "bar", "aria-hidden": "true" });
  for (let level = 0; level <= top; level += 1) bar.append(swatch(palette, level, top));
  const ends = element("div", { class: "ends" }, element("span", {}, `0: ${meaning(stream, 0)}`), element("span", {}, `${top}: ${meaning(stream, top)}`));
  node.replaceChildren(bar, ends, element("p", { class: "quiet" }, scaleSentence(stream)));
}
