// The routes in force, with their chains, and a tester: which route takes a request, and why.
import { figure, html, Table, useState } from "./html.js";
import { post, read } from "./api.js";
import { useAsked } from "./live.js";

const MOST = 50;
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

// Lines of "Name: value"; a name that comes twice has both values, as a server would join them.
function fields(text) {
  const found = {};
  for (const line of text.split("\n").filter((one) => one.trim())) {
    const [name, ...rest] = line.split(":");
    const value = rest.join(":").trim();
    found[name.trim()] = name.trim() in found ? `${found[name.trim()]}, ${value}` : value;
  }
  return found;
}

function Verdict({ said }) {
  const { route, answer } = said;
  return html`<div class="card" role="status">
    ${said.own && html`<p class="done">The gateway answers <code>${said.path}</code> itself.</p>`}
    ${route && html`<p class="done">Route <b>${route.name}</b> (<code>${route.path}</code>) takes it.</p>`}
    ${answer && html`<p class="problem">It is answered ${answer.status}, ${answer.reason}. ${answer.detail}</p>`}
    <dl class="facts">
      <div><dt>Path, by which routes are found</dt><dd><code>${said.path}</code></dd></div>
      ${Object.entries(said.params).map(([name, value]) => html`<div key=${name}><dt>Parameter ${name}</dt><dd>${value}</dd></div>`)}
      ${route && html`<div><dt>Then its steps</dt><dd>${route.steps.join(" → ")}</dd></div>`}
    </dl>
    ${said.notes.map((note) => html`<p>${note}</p>`)}
    <h4>Routes that were considered, in order</h4>
    ${said.considered.length ? html`<ol>${said.considered.map((line) => html`<li>${line}</li>`)}</ol>` : html`<p class="empty">None.</p>`}
  </div>`;
}

function Tester({ listeners }) {
  const [method, setMethod] = useState("GET");
  const [url, setUrl] = useState("/");
  const [text, setText] = useState("");
  const [listener, setListener] = useState("");
  const [said, say] = useState(null);
  const [error, setError] = useState("");
  const attempt = async (event) => {
    event.preventDefault();
    try {
      say(await post("live/route", { method, url, headers: fields(text), ...(listener ? { listener } : {}) }));
      setError("");
    } catch (problem) {
      say(null);
      setError(problem.message);
    }
  };
  return html`<form onSubmit=${attempt}>
    <h3>Which route takes a request?</h3>
    <p class="empty">Nothing is sent: the routing tables in force are asked.</p>
    <div class="controls">
      <label>Method <select value=${method} onChange=${(event) => setMethod(event.target.value)}>${METHODS.map((one) => html`<option>${one}</option>`)}</select></label>
      <label>URL or path <input class="wide" value=${url} onInput=${(event) => setUrl(event.target.value)} required /></label>
      ${listeners.length > 1 && html`<label>Listener <select value=${listener} onChange=${(event) => setListener(event.target.value)}>
        ${listeners.map((one, index) => html`<option value=${index ? one : ""}>${one}</option>`)}</select></label>`}
    </div>
    <label class="block">Header fields, one a line <textarea rows="3" value=${text} onInput=${(event) => setText(event.target.value)}></textarea></label>
    <button>Try it</button>
    ${error && html`<p class="problem" role="alert">${error}</p>`}
    ${said && html`<${Verdict} said=${said} />`}
  </form>`;
}

const list = (value) => (Array.isArray(value) ? value.join(", ") : value);

export function Routes() {
  const [search, setSearch] = useState("");
  const [from, setFrom] = useState(0);
  const [open, setOpen] = useState("");
  const { value, error } = useAsked(() => read(`live/routes?search=${encodeURIComponent(search)}&from=${from}&most=${MOST}`), 0, search, from);
  const rows = value ? value.routes : [];
  const more = rows.flatMap((one) => [
    html`<tr key=${one.name}>
      <th scope="row"><button class="link" aria-expanded=${open === one.name} onClick=${() => setOpen(open === one.name ? "" : one.name)}>${one.name}</button></th>
      <td>${one.host}</td><td><code>${one.path}</code></td><td>${list(one.methods)}</td><td>${list(one.upstream)}</td><td>${one.timeout}</td>
    </tr>`,
    open === one.name &&
      html`<tr key=${`${one.name} more`} class="chosen"><td colspan="6">
        <dl class="facts">
          <div><dt>Steps, from the client inwards</dt><dd>${one.steps.join(" → ")}</dd></div>
          ${Object.entries(one).filter(([name, cell]) => !["name", "host", "path", "methods", "upstream", "timeout", "steps"].includes(name) && String(cell))
            .map(([name, cell]) => html`<div key=${name}><dt>${name.replaceAll("_", " ")}</dt><dd>${list(cell)}</dd></div>`)}
        </dl></td></tr>`,
  ]);
  return html`<${Tester} listeners=${value ? value.listeners : []} />
    <h3>Routes in force</h3>
    <div class="controls">
      <label>With the words <input type="search" value=${search} onInput=${(event) => (setFrom(0), setSearch(event.target.value))} /></label>
      ${value && html`<span role="status">${rows.length ? `${from + 1} to ${from + rows.length} of ${figure(value.total)}` : "none"}</span>`}
      <button disabled=${!from} onClick=${() => setFrom(Math.max(0, from - MOST))}>Earlier</button>
      <button disabled=${!value || from + rows.length >= value.total} onClick=${() => setFrom(from + MOST)}>Later</button>
    </div>
    ${error && html`<p class="problem" role="alert">${error.message}</p>`}
    <${Table} caption="Routes in force, in the order of the configuration" head=${["Route", "Host", "Path", "Methods", "Goes to", "Timeout"]}
      empty=${value ? "No route." : "Looking."} rows=${more} />`;
}
