// Numbers as people read them. A dash stands for what is not known.

export const UNKNOWN = "–";

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/// The time of day; of another day than today with its date.
export function clock(unixMs) {
  const date = new Date(unixMs);
  const time = CLOCK.format(date);
  return date.toDateString() === new Date().toDateString() ? time : `${DAY.format(date)}, ${time}`;
}

/// 12:03, for axes whose ticks are whole minutes.
export function clockMinutes(unixMs) {
  return CLOCK.format(new Date(unixMs)).slice(0, 5);
}

/// 850 ms, 1.24 s, 12 s, 3 min 5 s, 2 h 10 min.
export function duration(ms) {
  if (ms === null || ms === undefined) return UNKNOWN;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 9995) return `${(ms / 1000).toFixed(2)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/// A duration that only ticks in whole seconds, for what is still going on.
export function ticking(ms) {
  return ms < 1000 ? "0 s" : duration(Math.floor(ms / 1000) * 1000).replace(".00", "");
}

/// 512 B, 369 KB, 1.8 MB; of a thousand, as the README counts.
export function bytes(count) {
  if (count === null || count === undefined) return UNKNOWN;
  if (count < 1000) return `${count} B`;
  if (count < 999_500) return `${scaled(count / 1e3)} KB`;
  return `${(count / 1e6).toFixed(1)} MB`;
}

function scaled(value) {
  return value < 9.95 ? value.toFixed(1) : String(Math.round(value));
}

export function whole(value) {
  return value === null || value === undefined ? UNKNOWN : String(value);
}

export function fixed(value, digits) {
  return value === null || value === undefined ? UNKNOWN : value.toFixed(digits);
}

export function percent(fraction) {
  return `${Math.round(fraction * 100)} %`;
}

/// 1 window, 2 windows.
export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}
