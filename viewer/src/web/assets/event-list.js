// The list of events beside the cameras. Each has two buttons: one shows the map of its highest score, one that
// with which it began.

import { element, mark, say } from "./dom.js";
import { clock, duration, fixed } from "./format.js";

const SHOWN = 100;

export class EventList {
  constructor(list, none, store, open) {
    this.list = list;
    this.none = none;
    this.store = store;
    this.open = open;
    this.items = new Map();
  }

  refresh() {
    const wanted = this.store.inOrder().slice(0, SHOWN);
    this.none.hidden = wanted.length > 0;
    const focused = this.list.contains(document.activeElement) ? document.activeElement : null;
    wanted.forEach((event, index) => {
      const item = this.items.get(event.id) ?? this.add(event.id);
      item.fill(event);
      // Only what is out of place moves: moving a node takes the focus from it.
      if (this.list.children[index] !== item.node) this.list.insertBefore(item.node, this.list.children[index] ?? null);
    });
    while (this.list.childElementCount > wanted.length) {
      this.items.delete(this.list.lastElementChild.dataset.event);
      this.list.lastElementChild.remove();
    }
    if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  }

  add(id) {
    const [camera, state, time, score] = ["camera", "state", "time", "score"].map((name) => element("span", { class: name }));
    state.classList.add("badge");
    const peak = element("button", { type: "button", onclick: () => this.open(item.event, "peak") }, camera, " ", state, " ", time, " ", score);
    const begin = element("button", { class: "begin", type: "button", onclick: () => this.open(item.event, "begin") }, "How it began");
    const item = {
      event: null,
      node: element("li", { data: { event: id } }, peak, begin),
      fill: (event) => {
        item.event = event;
        const open = event.ended_unix_ms === null;
        item.node.dataset.open = open;
        say(camera, event.camera);
        mark(begin, "aria-label", `How it began: the event of ${clock(event.began_unix_ms)} at camera ${event.camera}`);
        say(state, open ? "open" : "ended");
        state.classList.toggle("bad", open);
        const lasted = (event.ended_unix_ms ?? event.captured_unix_ms) - event.began_unix_ms;
        say(time, `${clock(event.began_unix_ms)}, ${open ? "for" : "lasted"} ${duration(Math.max(lasted, 0))}`);
        say(score, `peak ${fixed(event.peak, 2)} of threshold ${fixed(event.threshold, 2)}`);
      },
    };
    this.items.set(id, item);
    return item;
  }
}
