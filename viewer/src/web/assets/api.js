// Requests to the viewer. Every failure becomes a `Problem`: what happened, and what to do.

export class Problem extends Error {
  constructor(what, mend, status) {
    super(mend ? `${sentence(what)} ${sentence(mend)}` : sentence(what));
    this.name = "Problem";
    this.status = status;
  }
}

function sentence(text) {
  const trimmed = text.trim();
  const first = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

/// The JSON a path answers; null for an empty answer.
export async function ask(path, { method = "GET", json, body, signal } = {}) {
  const headers = { accept: "application/json" };
  if (json !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers, body: json === undefined ? body : JSON.stringify(json), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("the viewer does not answer", "see that it runs and that the network reaches it, then try again", 0);
  }
  // A login that has run out: nothing on this page can mend it.
  if (response.status === 401) location.assign("/login");
  if (!response.ok) throw await refusal(response);
  if (response.status === 204) return null;
  try {
    return await response.json();
  } catch {
    throw new Problem("the viewer's answer was cut off or is not JSON", "try again", response.status);
  }
}

async function refusal(response) {
  try {
    const { error, mend } = await response.json();
    return new Problem(String(error), mend ? String(mend) : null, response.status);
  } catch {
    return new Problem(`the viewer answered with status ${response.status}`, "try again", response.status);
  }
}
