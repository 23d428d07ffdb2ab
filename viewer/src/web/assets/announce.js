// Polite announcements to screen readers. A log keeps several that come at once; old ones are dropped, so that it stays small.

import { element } from "./dom.js";

const KEPT = 5;

export function announce(sentence) {
  const log = document.getElementById("announcer");
  log.append(element("p", {}, sentence));
  while (log.childElementCount > KEPT) log.firstElementChild.remove();
}
