// The page: its tabs, and which of them is shown. The address says which, so that a reload and a link come back to it.
import { html, render, useEffect, useRef, useState } from "./html.js";
import { feed, open } from "./feed.js";
import { useFeed } from "./live.js";
import { Traffic } from "./traffic.js";
import { Routes } from "./routes.js";
import { Upstreams } from "./upstreams.js";
import { Configuration } from "./configuration.js";
import { Failures } from "./failures.js";
import { Limits } from "./limits.js";
import { Log } from "./log.js";

const TABS = [
  ["traffic", "Traffic", Traffic],
  ["routes", "Routes", Routes],
  ["upstreams", "Upstreams", Upstreams],
  ["limits", "Limits", Limits],
  ["failures", "Failures", Failures],
  ["log", "Log", Log],
  ["configuration", "Configuration", Configuration],
];
const STATES = { live: "Live", connecting: "Connecting …", refused: "No events: too many pages are open, or the gateway is away" };

const named = () => Math.max(0, TABS.findIndex(([name]) => location.hash === `#${name}`));

function State() {
  useFeed("state");
  return html`<p class=${`state ${feed.state}`} role="status">${STATES[feed.state]}</p>`;
}

// Arrow keys go from tab to tab, as the pattern for tabs of ARIA has it.
function Tabs({ at, go }) {
  const place = useRef(null);
  const move = (event) => {
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: TABS.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = (to + TABS.length) % TABS.length;
    go(next);
    place.current.children[next].focus();
  };
  return html`<div class="tabs" role="tablist" aria-label="Parts of the page" ref=${place} onKeyDown=${move}>
    ${TABS.map(([name, words], index) => html`<button role="tab" id=${`tab-${name}`} aria-controls=${at === index ? "panel" : undefined}
      aria-selected=${at === index} tabindex=${at === index ? 0 : -1} onClick=${() => go(index)}>${words}</button>`)}
  </div>`;
}

function Page() {
  const [at, set] = useState(named());
  useEffect(() => {
    const follow = () => set(named());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  const go = (index) => {
    history.replaceState(null, "", `#${TABS[index][0]}`);
    set(index);
  };
  const [name, words, Part] = TABS[at];
  return html`<header><h1>Gateway</h1><${State} /><a href="../">Admin port</a></header>
    <nav aria-label="Parts"><${Tabs} at=${at} go=${go} /></nav>
    <main><section id="panel" role="tabpanel" aria-labelledby=${`tab-${name}`}><h2 class="unseen">${words}</h2><${Part} key=${name} /></section></main>`;
}

open();
render(html`<${Page} />`, document.getElementById("app"));
