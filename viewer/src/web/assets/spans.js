// How much of the timeline is shown: a group of radio buttons, so that arrow keys and fingers both choose.

import { element, freshId } from "./dom.js";

export const SPANS = [[60_000, "1 min"], [600_000, "10 min"], [3_600_000, "1 h"]];
export const SPANS_MS = SPANS.map(([span]) => span);

/// Fills `fieldset`; `choose(spanMs)` is called when another one is chosen.
export function buildSpans(fieldset, chosen, choose) {
  const name = freshId("span");
  const options = SPANS.map(([span, text]) => {
    const input = element("input", { type: "radio", name, value: span, checked: span === chosen, onchange: () => choose(span) });
    return element("label", {}, input, element("span", {}, text));
  });
  fieldset.append(...options);
}
