"""How the pages of `sheet` look. Colours of lines have at least three to one against the panel, in light and dark."""

from __future__ import annotations

_LIGHT = {
    "back": "#f4f5f7",
    "panel": "#ffffff",
    "edge": "#dcdfe4",
    "text": "#1f2329",
    "quiet": "#5b626b",
    "grid": "#e4e7eb",
    "track": "#eceef1",
    "green": "#1a7f3c",
    "orange": "#b85c00",
    "red": "#c8232c",
    "none": "#6f7680",
    "on": "#ffffff",
}
_DARK = {
    "back": "#111217",
    "panel": "#181b1f",
    "edge": "#2c3038",
    "text": "#e3e5e8",
    "quiet": "#a3a9b2",
    "grid": "#2a2e35",
    "track": "#252930",
    "green": "#56b870",
    "orange": "#f39c3c",
    "red": "#f0616d",
    "none": "#8a919c",
    "on": "#111217",
}
_INKS = {
    "light": (
        "#1f6fd1",
        "#c2571a",
        "#2b8a3e",
        "#8b3fc4",
        "#b8860b",
        "#c2255c",
        "#0c8599",
        "#5c5f66",
        "#7a4b1e",
        "#4c6ef5",
    ),
    "dark": (
        "#5b9ff5",
        "#ff9a52",
        "#69c779",
        "#c58cf0",
        "#f0c94a",
        "#f783ac",
        "#4dd0e1",
        "#b0b5bd",
        "#c99a6b",
        "#91a7ff",
    ),
}


def _variables(colours: dict[str, str], inks: tuple[str, ...]) -> str:
    named = {**colours, **{f"ink{number}": ink for number, ink in enumerate(inks)}}
    return "".join(f"--{name}:{colour};" for name, colour in named.items())


_NAMES = ("green", "orange", "red", "none", *(f"ink{number}" for number in range(len(_INKS["light"]))))
_AS_LIGHT = "color-scheme:light;" + _variables(_LIGHT, _INKS["light"])
_AS_DARK = "color-scheme:dark;" + _variables(_DARK, _INKS["dark"])

STYLE = (
    f":root{{{_AS_LIGHT}}}"
    f"@media(prefers-color-scheme:dark){{:root:not(.light){{{_AS_DARK}}}}}"
    f":root.dark{{{_AS_DARK}}}"
    + "".join(f".{name}{{--c:var(--{name})}}" for name in _NAMES)
    + """
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);font:12px/18px system-ui,"DejaVu Sans",sans-serif}
main{width:1280px;margin:0 auto;padding:0 16px 12px}
header{height:84px;padding-top:10px;overflow:hidden}
h1{font-size:20px;line-height:26px;margin:0}
p{margin:0}
header p,section p{color:var(--quiet);white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
h2{height:42px;margin:0;padding-top:14px;font-size:15px;line-height:22px}
.figures,.halves{display:grid;gap:12px;margin-bottom:12px}
.figures{grid-auto-flow:column;grid-auto-columns:1fr}
.halves{grid-template-columns:1fr 1fr}
section{background:var(--panel);border:1px solid var(--edge);border-radius:4px;padding:0 12px;overflow:hidden}
section.figure{padding:0}
h3{height:34px;margin:0;padding-top:8px;font-size:13px;line-height:20px;font-weight:600;white-space:nowrap;
overflow:hidden;text-overflow:ellipsis}
section.figure h3{height:42px;padding:8px 12px 0;font-size:12px;line-height:16px;white-space:normal}
svg{display:block}
svg text.word{fill:var(--on)}
svg text{font-size:11px;fill:var(--text)}
svg text.axis{fill:var(--quiet)}
svg text.value{font-weight:600}
svg text.figure{font-size:28px;font-weight:600;fill:var(--c)}
.grid{stroke:var(--grid);fill:none}
.line,.key{stroke:var(--c);stroke-width:1.5;fill:none;stroke-linejoin:round}
.key{stroke-width:3}
.again{stroke-dasharray:5 3}
.area{fill:var(--c);opacity:.07}
.area.again{stroke:none}
.spark{fill:var(--c);opacity:.18}
.dot,.bar,.state{fill:var(--c)}
.track{fill:var(--track)}
.legend{display:grid;column-gap:20px;padding-top:4px}
.legend.of2{grid-template-columns:1fr 1fr}
table{border-collapse:collapse;width:100%;table-layout:fixed;align-self:start;font-size:11px}
tr{height:18px}
th,td{padding:0;line-height:18px;white-space:nowrap}
th{text-align:left;font-weight:400;overflow:hidden;text-overflow:ellipsis}
th svg{display:inline-block;margin-right:6px}
thead th,td{text-align:right}
thead th{color:var(--quiet);width:78px}
thead td{width:auto}
.words{padding-top:4px}
.words span{margin-right:16px}
.words svg{display:inline-block;margin-right:5px;vertical-align:-2px}
section p.nothing{padding-top:20px;text-align:center}
code{font-family:"DejaVu Sans Mono",monospace;font-size:11px}
"""
)
