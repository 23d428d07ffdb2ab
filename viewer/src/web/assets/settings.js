// Choices the page remembers. Storage may be switched off or full; then a choice lasts as long as the page.

const PREFIX = "blindsight.";

export function recall(name, allowed, fallback) {
  try {
    const stored = localStorage.getItem(PREFIX + name);
    return allowed.includes(stored) ? stored : fallback;
  } catch {
    return fallback;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Nothing to do: see above.
  }
}
