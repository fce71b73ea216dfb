// Traffic, latency and errors of this moment and of the last minutes.
import { figure, html, milliseconds, octets, Table } from "./html.js";
import { Chart } from "./chart.js";
import { feed } from "./feed.js";
import { useFeed } from "./live.js";

const of = (name) => (one) => one.classes[name];
const BY_CLASS = [
  { name: "2xx", colour: "--good", of: of("2xx") },
  { name: "3xx", colour: "--other", of: of("3xx") },
  { name: "4xx", colour: "--warn", of: of("4xx") },
  { name: "5xx", colour: "--bad", of: of("5xx") },
];
const LATENCY = [
  { name: "p50", colour: "--good", of: (one) => one.p50 },
  { name: "p90", colour: "--warn", of: (one) => one.p90 },
  { name: "p99", colour: "--bad", of: (one) => one.p99 },
];

const Tile = ({ name, value }) => html`<div class="tile"><dt>${name}</dt><dd>${value}</dd></div>`;

export function Traffic() {
  useFeed("figures");
  const last = feed.figures.at(-1);
  if (!last) return html`<p class="empty">The first figures come in a second or two.</p>`;
  const failed = Object.entries(last.failed);
  return html`
    <dl class="tiles">
      <${Tile} name="Requests" value=${`${figure(last.requests)}/s`} />
      <${Tile} name="Failed (5xx)" value=${`${figure(last.classes["5xx"])}/s`} />
      <${Tile} name="p50" value=${milliseconds(last.p50)} />
      <${Tile} name="p90" value=${milliseconds(last.p90)} />
      <${Tile} name="p99" value=${milliseconds(last.p99)} />
      <${Tile} name="In flight" value=${figure(last.in_flight)} />
      <${Tile} name="Connections" value=${figure(last.connections)} />
      <${Tile} name="Loop lag (worst)" value=${milliseconds(last.loop_lag)} />
      <${Tile} name=${last.processes > 1 ? `Memory of ${last.processes} workers` : "Memory"} value=${octets(last.memory)} />
    </dl>
    <div class="columns">
      <${Chart} title="Requests a second, by status" series=${BY_CLASS} points=${feed.figures} format=${(value) => figure(value)} />
      <${Chart} title="Time to answer" series=${LATENCY} points=${feed.figures} format=${milliseconds} />
    </div>
    <p class="empty">Single times are not kept: percentiles are as fine as the buckets of <code>metrics.buckets</code>.</p>
    <h3>Busiest routes</h3>
    <${Table} caption="Busiest routes of this second" head=${["Route", "Requests/s", "5xx/s", "p99"]}
      empty="No request has ended in this second."
      rows=${last.routes.map((one) => html`<tr key=${one.name}>
        <th scope="row">${one.name || "(no route)"}</th><td class="number">${figure(one.requests)}</td>
        <td class=${`number ${one.errors ? "bad" : ""}`}>${figure(one.errors)}</td><td class="number">${milliseconds(one.p99)}</td>
      </tr>`)} />
    <h3>Errors of this second</h3>
    <${Table} caption="Errors of this second, by reason" head=${["Reason", "A second"]} empty="None."
      rows=${failed.map(([reason, count]) => html`<tr key=${reason}><th scope="row">${reason}</th><td class="number">${figure(count)}</td></tr>`)} />`;
}
