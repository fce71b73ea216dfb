// A chart over time. What it shows is said in words, too: a canvas is nothing to a screen reader.
import uPlot from "./vendor/uPlot.js";
import { clock, html, useEffect, useRef } from "./html.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function draw(place, series, format) {
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
  return new uPlot(
    {
      width: place.clientWidth,
      height: 200,
      cursor: { show: false },
      legend: { show: false },
      scales: { y: { range: (_, low, high) => [0, Math.max(high * 1.1, 1)] } },
      axes: [{ ...axis, space: 80, values: (_, marks) => marks.map(clock) }, { ...axis, size: 70, values: (_, marks) => marks.map(format) }],
      series: [{}, ...series.map(({ name, colour: own }) => ({ label: name, stroke: colour(own), width: 2, points: { show: false } }))],
    },
    [[], ...series.map(() => [])],
    place,
  );
}

export function Chart({ title, series, points, format }) {
  const place = useRef(null);
  const chart = useRef(null);
  const data = useRef(null);
  data.current = [points.map((one) => one.at), ...series.map(({ of }) => points.map(of))];
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const again = () => {
      if (!place.current) return; // gone from the page: that is told here a little later
      chart.current?.destroy();
      chart.current = draw(place.current, series, format);
      chart.current.setData(data.current);
    };
    again();
    const sizes = new ResizeObserver(() => place.current && chart.current.setSize({ width: place.current.clientWidth, height: 200 }));
    sizes.observe(place.current);
    dark.addEventListener("change", again);
    return () => {
      sizes.disconnect();
      dark.removeEventListener("change", again);
      chart.current.destroy();
    };
  }, []);
  useEffect(() => chart.current.setData(data.current));
  const last = points.at(-1);
  const words = series.map(({ name, of }) => `${name} ${last ? format(of(last) ?? 0) : "–"}`).join(", ");
  return html`<section class="chart">
    <h3>${title}</h3>
    <ul class="legend">
      ${series.map(({ name, colour: own, of }) => html`<li class=${own.slice(2)}>${name} <b>${last ? format(of(last)) : "–"}</b></li>`)}
    </ul>
    <div ref=${place} role="img" aria-label=${`${title}: ${words}`}></div>
  </section>`;
}
