// The last lines of the application log.
import { clock, html, useState } from "./html.js";
import { feed } from "./feed.js";
import { useFeed } from "./live.js";

const LEVELS = ["debug", "info", "warn", "error", "critical"];

export function Log() {
  useFeed("log");
  const [least, setLeast] = useState("debug");
  const [word, setWord] = useState("");
  const [held, hold] = useState(null);
  const wanted = word.toLowerCase();
  const lines = (held || feed.lines).filter(
    (line) => LEVELS.indexOf(line.level) >= LEVELS.indexOf(least) && (!wanted || `${line.logger} ${line.message}`.toLowerCase().includes(wanted)),
  );
  return html`<h3>Application log</h3>
    <div class="controls">
      <label>Level from <select value=${least} onChange=${(event) => setLeast(event.target.value)}>
        ${LEVELS.map((level) => html`<option value=${level}>${level}</option>`)}</select></label>
      <label>With the words <input type="search" value=${word} onInput=${(event) => setWord(event.target.value)} /></label>
      <button aria-pressed=${held !== null} onClick=${() => hold(held ? null : [...feed.lines])}>${held ? "Go on" : "Hold"}</button>
    </div>
    ${!lines.length && html`<p class="empty">No lines yet: they are kept from the moment that a page is opened.</p>`}
    <div class="log" role="log" tabindex="0" aria-label="Lines of the log, newest first"><ol>
      ${[...lines].reverse().map((line) => html`<li class=${line.level}><span class="when">${clock(line.timestamp)}</span>
        <span class="level">${line.level}</span> <span class="logger">${line.logger}</span> <span class="message">${line.message}</span>
        ${line.traceback && html`<pre>${line.traceback}</pre>`}</li>`)}
    </ol></div>`;
}
