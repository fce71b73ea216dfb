// The configuration: where each value comes from; and, for who has the token, another one: checked, planned, put into
// force, or an earlier one again.
import { figure, html, Table, useState } from "./html.js";
import { read, readText, token, write } from "./api.js";
import { useAsked } from "./live.js";
import { Diff } from "./diff.js";

const MOST = 50;

function Values({ version }) {
  const [search, setSearch] = useState("");
  const [written, setWritten] = useState(true);
  const [from, setFrom] = useState(0);
  const query = `search=${encodeURIComponent(search)}&from=${from}&most=${MOST}&written=${written ? 1 : 0}`;
  const { value, error } = useAsked(() => read(`live/config?${query}`), 0, query, version);
  const rows = value ? value.values : [];
  return html`<h3>Values in force, and where each comes from</h3>
    <div class="controls">
      <label>With the words <input type="search" value=${search} onInput=${(event) => (setFrom(0), setSearch(event.target.value))} /></label>
      <label><input type="checkbox" checked=${!written} onChange=${(event) => (setFrom(0), setWritten(!event.target.checked))} /> Defaults, too</label>
      ${value && html`<span role="status">${rows.length ? `${from + 1} to ${from + rows.length} of ${figure(value.total)}` : "none"}</span>`}
      <button disabled=${!from} onClick=${() => setFrom(Math.max(0, from - MOST))}>Earlier</button>
      <button disabled=${!value || from + rows.length >= value.total} onClick=${() => setFrom(from + MOST)}>Later</button>
    </div>
    ${error && html`<p class="problem" role="alert">${error.message}</p>`}
    <${Table} caption="Values in force" head=${["Key", "Value", "Comes from"]} empty=${value ? "None." : "Looking."}
      rows=${rows.map((one) => html`<tr key=${one.path}><th scope="row"><code>${one.path}</code></th><td><code>${one.value}</code></td><td class="place">${one.origin}</td></tr>`)} />`;
}

function Token({ changed }) {
  const [text, setText] = useState("");
  const keep = (event) => {
    event.preventDefault();
    token.set(text.trim());
    setText("");
    changed();
  };
  const forget = () => {
    token.set("");
    changed();
  };
  if (token.get()) return html`<p class="controls"><span>The admin token is kept for this tab.</span> <button onClick=${forget}>Forget it</button></p>`;
  return html`<form class="controls" onSubmit=${keep}>
    <label>Admin token <input type="password" autocomplete="off" value=${text} onInput=${(event) => setText(event.target.value)} required /></label>
    <button>Use it in this tab</button>
    <span class="empty">Reading needs none. It is gone when the tab is closed.</span>
  </form>`;
}

// What an action has come to: in words, and every problem with its place.
function Outcome({ said }) {
  if (!said) return null;
  if (said.error) {
    return html`<div class="problem" role="alert"><p>${said.error.message}</p>
      ${said.error.problems.length > 0 && html`<ul>${said.error.problems.map((one) => html`<li>${one.line ? `Line ${one.line}, column ${one.column}: ` : ""}${one.path && html`<code>${one.path}</code>: `}${one.message}</li>`)}</ul>`}
    </div>`;
  }
  return html`<div class="done" role="status"><p>${said.words}</p>
    ${said.warnings?.length > 0 && html`<ul class="warn">${said.warnings.map((one) => html`<li>${one.path}: ${one.message}</li>`)}</ul>`}
    ${said.changes?.length > 0 && html`<ul>${said.changes.map((one) => html`<li>${one.kind}: ${one.section} <b>${one.name}</b></li>`)}</ul>`}
  </div>`;
}

const describe = (changes) => (changes.length ? `${changes.length} ${changes.length === 1 ? "thing changes" : "things change"}` : "Nothing changes");

function Editor({ changed }) {
  const [loaded, setLoaded] = useState(null);
  const [text, setText] = useState("");
  const [planned, setPlanned] = useState("");
  const [said, say] = useState(null);
  const act = (action) => async () => {
    try {
      say(await action());
    } catch (error) {
      if (error.status === undefined) throw error;
      say({ error });
    }
  };
  const load = act(async () => {
    const found = await readText("config");
    setLoaded(found);
    setText(found.text);
    setPlanned("");
    return { words: `Version ${found.version} is loaded. Secrets are masked: a masked one stays as it is.` };
  });
  const validate = act(async () => {
    const { warnings } = await write("POST", "config/validate", text);
    return { words: warnings.length ? "It can be used, and is doubtful:" : "It can be used.", warnings };
  });
  const plan = act(async () => {
    const { changes } = await write("POST", "config/plan", text, { version: loaded.version });
    setPlanned(text);
    return { words: `${describe(changes)}${changes.length ? ":" : "."}`, changes };
  });
  const apply = act(async () => {
    const made = await write("PUT", "config", text, { version: loaded.version });
    const found = await readText("config");
    setLoaded(found);
    setText(found.text);
    setPlanned("");
    changed();
    return { words: `Version ${made.version} is in force. ${made.durable ? "" : made.detail}`, changes: made.changes };
  });
  return html`<h3>Change it</h3>
    <p class="empty">The whole configuration takes the place of the files, until the overlay is deleted.</p>
    <div class="controls">
      <button onClick=${load}>${loaded ? "Load what is in force again" : "Load what is in force"}</button>
      <button onClick=${validate} disabled=${!loaded}>Validate</button>
      <button onClick=${plan} disabled=${!loaded}>Plan</button>
      <button onClick=${apply} disabled=${!loaded || planned !== text}>Apply</button>
      ${loaded && planned !== text && html`<span class="empty">It can be applied once it was planned.</span>`}
    </div>
    <${Outcome} said=${said} />
    ${loaded && planned === text && html`<h4>What would change</h4><${Diff} before=${loaded.text} after=${text} />`}
    ${loaded && html`<label class="block">Configuration (YAML, or JSON) <textarea class="large" spellcheck="false" value=${text} onInput=${(event) => setText(event.target.value)}></textarea></label>`}`;
}

function Versions({ turn, changed }) {
  const [asked, ask] = useState("");
  const [said, say] = useState(null);
  const { value, error } = useAsked(() => read("config/versions"), 0, turn);
  const back = async (version) => {
    ask("");
    try {
      const made = await write("POST", "config/rollback", JSON.stringify({ version }), { version: value.versions[0].version, type: "application/json" });
      say({ words: `Version ${made.version} is in force, which is as ${version} was.`, changes: made.changes });
      changed();
    } catch (problem) {
      if (problem.status === undefined) throw problem;
      say({ error: problem });
    }
  };
  const versions = value ? value.versions : [];
  return html`<h3>Versions</h3>
    ${error && html`<p class="problem" role="alert">${error.message}</p>`}
    <${Outcome} said=${said} />
    <${Table} caption="Versions, that in force first" head=${["Version", "Since", "By", "Changed", "Action"]} rows=${versions.map((one, index) => html`<tr key=${one.version}>
      <th scope="row"><code>${one.version}</code></th><td>${one.at.slice(0, 19).replace("T", " ")}</td><td>${one.who}</td>
      <td>${one.changes.map((change) => `${change.kind} ${change.section} ${change.name}`).join(", ")}</td>
      <td>${index === 0 ? "in force" : asked === one.version
        ? html`<button onClick=${() => back(one.version)}>Yes, roll back to ${one.version}</button> <button onClick=${() => ask("")}>No</button>`
        : html`<button aria-label=${`Roll back to ${one.version}`} onClick=${() => ask(one.version)}>Roll back</button>`}</td></tr>`)} />`;
}

export function Configuration() {
  const [turn, set] = useState(0);
  const changed = () => set((count) => count + 1);
  return html`<${Token} changed=${changed} />
    <${Values} version=${turn} />
    <${Editor} changed=${changed} />
    <${Versions} turn=${turn} changed=${changed} />`;
}
