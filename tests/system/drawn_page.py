"""A drawn dashboard, looked at by a browser: whether all of it can be read."""

from __future__ import annotations

from tests.system.devtools import Page

_WRONG = """
(() => {
  const wrong = [];
  for (const section of document.querySelectorAll("section")) {
    const title = section.querySelector("h3").innerText;
    const edge = section.getBoundingClientRect();
    if (section.scrollHeight > section.clientHeight) wrong.push(`${title}: higher than its frame`);
    const texts = [];
    for (const one of section.querySelectorAll("svg text, h3, p, th, td")) {
      if (!one.textContent.trim()) continue;
      if (one.matches("h3, section > p, td") && one.scrollWidth > one.clientWidth)
        wrong.push(`${title}: ${one.textContent} is cut off`);
      const range = document.createRange();
      range.selectNodeContents(one);
      // As it is seen: what is cut off by the edge of its place is not over something else.
      const words = one instanceof SVGElement ? one.getBoundingClientRect() : range.getBoundingClientRect();
      const place = one.getBoundingClientRect();
      texts.push({
        said: one.textContent,
        left: words.left, right: Math.min(words.right, place.right), top: words.top, bottom: words.bottom,
      });
    }
    for (const one of texts) {
      if (one.left < edge.left || one.right > edge.right || one.top < edge.top || one.bottom > edge.bottom)
        wrong.push(`${title}: ${one.said} is outside`);
      for (const other of texts)
        if (one !== other && one.left < other.right - 0.5 && other.left < one.right - 0.5
            && one.top < other.bottom - 4 && other.top < one.bottom - 4)
          wrong.push(`${title}: ${one.said} over ${other.said}`);
    }
  }
  return wrong;
})()
"""


def unreadable(page: Page) -> list[str]:
    """Return what lies over something else, is cut off, or is outside of its panel."""
    found: list[str] = page.run(_WRONG)
    return found
