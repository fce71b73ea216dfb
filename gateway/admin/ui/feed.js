// What happens, from server-sent events: kept here, whatever part of the page is looked at.
const SECONDS = 300;
const LINES = 500;

export const feed = { state: "connecting", figures: [], failed: 0, lines: [], missed: 0 };

const listeners = new Set();
export const listen = (listener) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};
const tell = (kind) => listeners.forEach((listener) => listener(kind));

const keep = (list, one, most) => {
  list.push(one);
  if (list.length > most) list.splice(0, list.length - most);
};

export function open() {
  const source = new EventSource("../live/events");
  const state = (name) => {
    feed.state = name;
    tell("state");
  };
  source.addEventListener("open", () => {
    feed.lines.length = 0; // the last lines come again
    state("live");
  });
  source.addEventListener("error", () => {
    const closed = source.readyState === EventSource.CLOSED;
    state(closed ? "refused" : "connecting");
    if (closed) setTimeout(open, 5000);
  });
  source.addEventListener("figures", (event) => {
    keep(feed.figures, JSON.parse(event.data), SECONDS);
    tell("figures");
  });
  let soon = 0;
  source.addEventListener("failed", () => {
    // Told once for all that come together: who hears it asks for the list.
    soon ||= setTimeout(() => {
      soon = 0;
      feed.failed += 1;
      tell("failed");
    }, 300);
  });
  source.addEventListener("log", (event) => {
    keep(feed.lines, JSON.parse(event.data), LINES);
    tell("log");
  });
}
