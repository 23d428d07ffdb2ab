// What was refused in the name of a camera. Whoever can publish on the bus can name any camera, and the words say so.

import { element, field, fill, say } from "./dom.js";
import { clock, count } from "./format.js";

export class Refusals {
  constructor() {
    this.number = field("refused");
    this.reason = element("span", { data: { field: "refused-reason" } });
    this.node = element(
      "p",
      { class: "refusals problem", hidden: true },
      this.number,
      " refused, claimed to be of this camera. Anybody on the bus can claim that. ",
      this.reason,
    );
  }

  show({ count: number, last_reason: reason, last_unix_ms: at }) {
    this.node.hidden = number === 0;
    fill(this.number, count(number, "message"), number);
    say(this.reason, number ? `The latest, at ${clock(at)}: ${reason}` : "");
  }
}
