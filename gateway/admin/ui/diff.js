// Two texts line by line: what was taken away, what came, and a few lines around it.
import { html, useMemo } from "./html.js";

const AROUND = 3;
const MOST = 2000;

// Lines that both have are found from both ends first: most of a configuration is left as it was.
export function lines(before, after) {
  const [one, other] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < one.length && start < other.length && one[start] === other[start]) start += 1;
  let end = 0;
  while (end < one.length - start && end < other.length - start && one[one.length - 1 - end] === other[other.length - 1 - end]) end += 1;
  const same = (text) => ({ kind: "same", text });
  return [
    ...one.slice(0, start).map(same),
    ...middle(one.slice(start, one.length - end), other.slice(start, other.length - end)),
    ...one.slice(one.length - end).map(same),
  ];
}

// The longest common sequence; of texts that differ in too many lines all are shown as taken away and come.
function middle(one, other) {
  const all = [...one.map((text) => ({ kind: "removed", text })), ...other.map((text) => ({ kind: "added", text }))];
  if (one.length * other.length > MOST * MOST) return all;
  const width = other.length + 1;
  const longest = new Uint32Array((one.length + 1) * width);
  for (let row = one.length - 1; row >= 0; row -= 1) {
    for (let column = other.length - 1; column >= 0; column -= 1) {
      longest[row * width + column] = one[row] === other[column]
        ? longest[(row + 1) * width + column + 1] + 1
        : Math.max(longest[(row + 1) * width + column], longest[row * width + column + 1]);
    }
  }
  const found = [];
  let [row, column] = [0, 0];
  while (row < one.length || column < other.length) {
    if (row < one.length && column < other.length && one[row] === other[column]) {
      found.push({ kind: "same", text: one[row] });
      [row, column] = [row + 1, column + 1];
    } else if (column === other.length || (row < one.length && longest[(row + 1) * width + column] >= longest[row * width + column + 1])) {
      found.push({ kind: "removed", text: one[row] });
      row += 1;
    } else {
      found.push({ kind: "added", text: other[column] });
      column += 1;
    }
  }
  return found;
}

// Leave out what is far from any change.
export function near(found) {
  const shown = new Set();
  found.forEach((line, index) => {
    if (line.kind !== "same") for (let at = index - AROUND; at <= index + AROUND; at += 1) shown.add(at);
  });
  const kept = [];
  found.forEach((line, index) => {
    if (shown.has(index)) kept.push(line);
    else if (kept.at(-1)?.kind !== "gap") kept.push({ kind: "gap", text: "…" });
  });
  return kept;
}

const SIGNS = { added: "+ ", removed: "− ", same: "  ", gap: "" };
const WORDS = { added: "added: ", removed: "removed: " };

export function Diff({ before, after }) {
  const shown = useMemo(() => near(lines(before, after)), [before, after]);
  if (before === after) return html`<p class="empty">The text is as it was loaded.</p>`;
  return html`<div class="diff" tabindex="0" role="region" aria-label="What would change, line by line">
    ${shown.map((line, index) => html`<div key=${index} class=${line.kind}><span aria-hidden="true">${SIGNS[line.kind]}</span>${WORDS[line.kind] && html`<span class="unseen">${WORDS[line.kind]}</span>`}${line.text}</div>`)}
  </div>`;
}
