// Upstreams and their backends: health, breakers, what is in flight, what went wrong, and who is picked next.
import { html, figure, Table } from "./html.js";
import { read } from "./api.js";
import { useAsked } from "./live.js";

const SECONDS = 2;
const ago = (seconds) => (seconds === null || seconds === undefined ? "" : seconds < 90 ? `${figure(seconds)} s` : `${figure(seconds / 60)} min`);

function Breaker({ breaker }) {
  if (!breaker) return null;
  const kind = { closed: "good", half_open: "warn", open: "bad" }[breaker.state];
  return html`<span class=${kind}>breaker ${breaker.state.replace("_", " ")}</span>
    ${breaker.why ? ` (${breaker.why}, ${ago(breaker.since_seconds)} ago)` : ""}
    ${breaker.probe_in_seconds ? `, tried again in ${ago(breaker.probe_in_seconds)}` : ""}
    ${breaker.outcomes_in_window ? `, ${breaker.failures_in_window} of ${breaker.outcomes_in_window} failed` : ""}`;
}

function standing(one) {
  const words = [];
  if (one.health) words.push(html`<span class=${one.health.healthy ? "good" : "bad"}>${one.health.healthy ? "healthy" : `unhealthy, ${one.health.failures_in_a_row} failures in a row`}</span>`);
  if (one.ejection?.ejected) words.push(html`<span class="bad">ejected for ${ago(one.ejection.for_seconds)}</span>`);
  if (one.draining) words.push(html`<span class="warn">draining</span>`);
  if (one.backup) words.push("backup");
  if (one.circuit_breaker) words.push(html`<${Breaker} breaker=${one.circuit_breaker} />`);
  if (!words.length) words.push("not watched");
  return words.map((word, index) => html`<div key=${index}>${word}</div>`);
}

function Errors({ backends }) {
  const rows = backends.flatMap((one) => [
    ...(one.last_errors || []).map((error) => [error.seconds_ago, one.url, error.what]),
    ...(one.last_changes || []).map((change) => [change.seconds_ago, one.url, `${change.what} became ${change.to}: ${change.why}`]),
  ]);
  if (!rows.length) return null;
  rows.sort(([one], [other]) => one - other);
  return html`<h4>Last errors and changes</h4>
    <${Table} caption="Last errors and changes" head=${["Ago", "Backend", "What"]}
      rows=${rows.map(([when, url, what], index) => html`<tr key=${index}><td class="number">${ago(when)}</td><td class="place">${url}</td><td>${what}</td></tr>`)} />`;
}

function Upstream({ one }) {
  return html`<section class="card" aria-label=${`Upstream ${one.name}`}>
    <h3>${one.name}</h3>
    ${one.panic && html`<p class="problem">Too few backends are left: those that were taken out are asked too (panic).</p>`}
    ${one.circuit_breaker && html`<p><${Breaker} breaker=${one.circuit_breaker} /></p>`}
    ${one.ahead && html`<p>Picked next: ${one.ahead.names.length ? html`<b>${one.ahead.names.join(", then ")}</b>, ` : ""}${one.ahead.words}.</p>`}
    <${Table} caption=${`Backends of ${one.name}`} head=${["Backend", "Next", "State", "Weight", "In flight", "Connections"]} empty="It has no backends."
      rows=${one.backends.map((backend) => html`<tr key=${backend.url}>
        <th scope="row">${backend.url}</th><td class=${backend.next === "may be picked" ? "good" : "bad"}>${backend.next}</td><td>${standing(backend)}</td>
        <td class="number">${backend.weight}${backend.share !== undefined && backend.share < 1 ? ` (${figure(backend.share * 100)} %)` : ""}</td><td class="number">${backend.in_flight}</td>
        <td>${backend.connections.idle} idle, ${backend.connections.busy} busy${backend.connections.connecting ? `, ${backend.connections.connecting} opening` : ""}${backend.connections.pending ? html`, <span class="warn">${backend.connections.pending} waiting</span>` : ""}</td>
      </tr>`)} />
    <${Errors} backends=${one.backends} />
  </section>`;
}

export function Upstreams() {
  const { value, error } = useAsked(() => read("upstreams"), SECONDS);
  return html`${error && html`<p class="problem" role="alert">${error.message}</p>`}
    ${value && !value.length && html`<p class="empty">There are no upstreams.</p>`}
    ${!value && html`<p class="empty">Looking.</p>`}
    ${(value || []).map((one) => html`<${Upstream} key=${one.name} one=${one} />`)}`;
}
