// Limits, and who is near them.
import { figure, html, Table } from "./html.js";
import { read } from "./api.js";
import { useAsked } from "./live.js";

const SECONDS = 2;

function Used({ used, of }) {
  const words = `${used} of ${of}`;
  return html`<meter min="0" max=${of} high=${of * 0.8} optimum="0" value=${used} aria-label=${words}></meter> ${words}`;
}

export function Limits() {
  const { value, error } = useAsked(() => read("live/limits"), SECONDS);
  if (!value) return html`${error ? html`<p class="problem" role="alert">${error.message}</p>` : html`<p class="empty">Looking.</p>`}`;
  return html`${error && html`<p class="problem" role="alert">${error.message}</p>`}
    <h3>Who is near a limit</h3>
    ${value.words && html`<p>${value.words}</p>`}
    <${Table} caption="Who is near a limit, the nearest first" head=${["Who", "Limit", "By", "Used", "May again in"]} empty="Nobody has used any of the limits just now."
      rows=${value.near.map((one, row) => html`<tr key=${row}><th scope="row">${one.key}</th><td>${one.where}</td><td>${one.by}</td>
        <td><${Used} used=${one.used} of=${one.of} /></td><td class=${one.again ? "bad" : ""}>${one.again ? `${figure(one.again)} s` : "at once"}</td></tr>`)} />
    <h3>Places for exchanges in flight</h3>
    <${Table} caption="Places for exchanges in flight" head=${["Of", "In flight", "Waiting"]} empty="There are no such limits, or none with a queue."
      rows=${value.places.map((one) => html`<tr key=${`${one.scope} ${one.name}`}><th scope="row">${one.scope} ${one.name}</th>
        <td><${Used} used=${one.in_flight ?? 0} of=${one.limit || 1} /></td><td class="number">${figure(one.waiting ?? 0)}</td></tr>`)} />
    <h3>Limits in force</h3>
    ${value.total > value.limits.length && html`<p class="empty">The first ${value.limits.length} of ${figure(value.total)}.</p>`}
    <${Table} caption="Limits in force" head=${["Where", "Counted by", "Requests", "At once"]} empty="None."
      rows=${value.limits.map((one, row) => html`<tr key=${row}><th scope="row">${one.where}</th><td>${one.by}</td>
        <td>${figure(one.requests)} in ${figure(one.window)} s</td><td>${one.burst === null ? "all" : figure(one.burst)}</td></tr>`)} />`;
}
