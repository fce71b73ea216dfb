// What every part of the page is written with. Texts that are put into templates are texts: nothing here makes markup of them.
import { h, render } from "./vendor/preact.js";
import htm from "./vendor/htm.js";

export { render };
export { useEffect, useMemo, useRef, useState } from "./vendor/hooks.js";
export const html = htm.bind(h);

// Figures for people: three digits are as many as anybody reads.
export function figure(value, digits = 3) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  const whole = Math.abs(value) >= 100;
  return value.toLocaleString("en", whole ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: digits });
}

export const milliseconds = (value) => (value === null || value === undefined ? "–" : `${figure(value)} ms`);

export function octets(value) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${figure(value)} ${units[unit]}`;
}

export const clock = (time) => (typeof time === "string" ? time.slice(11, 23) : new Date(time * 1000).toISOString().slice(11, 19));

// A table that scrolls by itself where the window is narrow, which the keyboard can do too.
export function Table({ caption, head, rows, empty = "Nothing yet." }) {
  if (!rows.length) return html`<p class="empty">${empty}</p>`;
  return html`<div class="scrolls" tabindex="0" role="region" aria-label=${caption}>
    <table>
      <caption class="unseen">${caption}</caption>
      <thead><tr>${head.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
      <tbody>${rows}</tbody>
    </table>
  </div>`;
}
