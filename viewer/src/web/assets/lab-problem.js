// The one place that says what is wrong, moved next to what it is about.

import { sayOrHide } from "./dom.js";

export class ProblemLine {
  constructor(node, home) {
    this.node = node;
    this.home = home;
    this.input = null;
  }

  /// `place` is the part of the form that the error is about; `input` the field, which gets the focus.
  show(error, place = this.home, input = null) {
    this.clear();
    place.append(this.node);
    sayOrHide(this.node, error.message);
    this.input = input;
    if (!input) return;
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-errormessage", this.node.id);
    input.focus();
  }

  clear() {
    sayOrHide(this.node, null);
    this.input?.removeAttribute("aria-invalid");
    this.input?.removeAttribute("aria-errormessage");
    this.input = null;
  }
}
