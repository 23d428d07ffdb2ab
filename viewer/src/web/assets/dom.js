// Small helpers for building pages. Text always goes in as text, so a name can never become markup.

/// An element with properties, and children that are nodes or text.
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name === "class") node.className = value;
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && !name.startsWith("aria") && name !== "role" && name !== "list") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/// Sets text only when it changed, so that ten maps a second do not lay the page out anew for nothing.
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/// Shows a sentence, or hides its node when there is none.
export function sayOrHide(node, text) {
  say(node, text ?? "");
  if (node.hidden !== !text) node.hidden = !text;
}

/// Sets an attribute only when it changed; null removes it.
export function mark(node, name, value) {
  if (value === null || value === undefined) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/// The options of a `select`, from `[value, text]` pairs.
export function fillSelect(select, options, chosen) {
  select.replaceChildren(
    ...options.map(([value, text]) => element("option", { value, selected: String(value) === String(chosen) }, text)),
  );
}

/// An element that holds one value a browser test reads by name: the text for people, the raw number beside it.
export function field(name, tag = "span") {
  return element(tag, { class: "value", data: { field: name } }, "–");
}

/// Fills a `field`.
export function fill(node, text, raw) {
  say(node, text);
  mark(node, "data-value", raw ?? null);
}

let numbered = 0;

/// An id that nothing else on the page has, for labels.
export function freshId(stem) {
  numbered += 1;
  return `${stem}-${numbered}`;
}
