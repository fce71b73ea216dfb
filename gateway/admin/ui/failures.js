// The last exchanges that failed, and everything known of each.
import { clock, html, milliseconds, Table, useEffect, useRef, useState } from "./html.js";
import { read } from "./api.js";
import { feed } from "./feed.js";
import { useAsked, useFeed } from "./live.js";

const WIDTH = 1000;
const ROW = 22;

// Where the time went: a bar for each phase; the same is in the table below it, for who cannot see it.
function Waterfall({ phases, whole }) {
  const scale = (value) => (whole ? Math.min(WIDTH, (value / whole) * WIDTH) : 0);
  return html`<svg class="waterfall" viewBox=${`0 0 ${WIDTH} ${phases.length * ROW}`} preserveAspectRatio="none" aria-hidden="true">
    ${phases.map((one, row) => html`<rect key=${row} class=${`phase-${one.name}`} x=${scale(one.start_ms)} y=${row * ROW + 3}
      width=${Math.max(2, scale(one.ms))} height=${ROW - 6} />`)}
  </svg>`;
}

const said = (pairs) => pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");

function Detail({ id }) {
  const { value: one, error } = useAsked(() => read(`exchanges/${encodeURIComponent(id)}`), 0, id);
  const place = useRef(null);
  useEffect(() => place.current?.scrollIntoView({ block: "nearest" }), [one]);
  if (error) return html`<p class="problem" role="alert">${error.message}</p>`;
  if (!one) return html`<p class="empty">Looking it up.</p>`;
  const facts = said([
    ["Request", `${one.method} ${one.scheme}://${one.host}${one.path}${one.query ? `?${one.query}` : ""}`],
    ["Answer", `${one.status}${one.reason ? `, ${one.reason}` : ""}`],
    ["Meaning", one.meaning], ["Detail", one.detail], ["What to do", one.advice],
    ["Route", one.route && `${one.route} (${one.pattern})`], ["Upstream", one.upstream], ["Backend", one.backend],
    ["Client", one.client], ["Caller", one.principal], ["User agent", one.user_agent],
    ["Limit", one.limit && `${one.limit.remaining} of ${one.limit.requests} in ${one.limit.seconds} s left`],
    ["Cache", one.cached], ["Dry run", one.dry_run], ["Plugins", one.plugin_errors], ["Trace", one.trace_id],
    ["Octets", `${one.bytes_received} received, ${one.bytes_sent} sent`],
  ]);
  return html`<article class="detail" ref=${place} aria-label=${`Exchange ${id}`}>
    <h3>Exchange <code>${id}</code></h3>
    <dl class="facts">${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    <h4>Where the time went: ${milliseconds(one.duration_ms)}</h4>
    <${Waterfall} phases=${one.phases} whole=${one.duration_ms} />
    <${Table} caption="Phases" head=${["Phase", "Attempt", "From", "Took"]} rows=${one.phases.map((phase, row) => html`<tr key=${row}>
      <th scope="row"><span class=${`swatch phase-${phase.name}`}></span>${phase.name}</th><td>${phase.attempt ?? ""}</td>
      <td class="number">${milliseconds(phase.start_ms)}</td><td class="number">${milliseconds(phase.ms)}</td></tr>`)} />
    <h4>Attempts</h4>
    <${Table} caption="Attempts" head=${["No.", "Backend", "Outcome", "Connection", "Repeated for", "From", "Took"]} empty="No backend was asked."
      rows=${one.attempts.map((attempt) => html`<tr key=${attempt.number}><th scope="row">${attempt.number}</th><td>${attempt.backend}</td>
        <td>${said([["", attempt.outcome], ["", attempt.status], ["", attempt.reason], ["", attempt.detail]]).map(([, word]) => word).join(", ")}</td>
        <td>${attempt.reused === null ? "" : attempt.reused ? "reused" : "new"}</td><td>${attempt.why}</td>
        <td class="number">${milliseconds(attempt.start_ms)}</td><td class="number">${milliseconds(attempt.ms)}</td></tr>`)} />
    <h4>Steps that decided otherwise than “go on”</h4>
    <${Table} caption="Steps" head=${["Step", "Outcome", "Took"]} empty="None."
      rows=${one.steps.map((step, row) => html`<tr key=${row}><th scope="row">${step.step}</th><td>${step.outcome}</td><td class="number">${milliseconds(step.ms)}</td></tr>`)} />
  </article>`;
}

export function Failures() {
  useFeed("failed");
  const [chosen, choose] = useState(null);
  const { value, error } = useAsked(() => read("exchanges"), 0, feed.failed);
  if (error) return html`<p class="problem" role="alert">${error.message}</p>`;
  return html`<h3>The last exchanges that failed</h3>
    <${Table} caption="Failed exchanges, newest first" head=${["Time (UTC)", "Request", "Status", "Reason", "Route", "Took"]}
      empty=${value ? "Nothing has failed." : "Looking."}
      rows=${(value || []).map((one) => html`<tr key=${one.id} class=${one.id === chosen ? "chosen" : ""}>
        <td class="number">${clock(one.time)}</td>
        <th scope="row"><button class="link" aria-expanded=${one.id === chosen} onClick=${() => choose(one.id === chosen ? null : one.id)}>${one.method} ${one.host}${one.path}</button></th>
        <td class=${one.status >= 500 ? "bad" : ""}>${one.status}</td><td class="number">${one.reason || ""}</td><td class="number">${one.route || ""}</td>
        <td class="number">${milliseconds(one.duration_ms)}</td></tr>`)} />
    <div aria-live="polite">${chosen && html`<${Detail} key=${chosen} id=${chosen} />`}</div>`;
}
