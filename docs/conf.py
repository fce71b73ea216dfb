"""How the site is built from the pages of this directory: `make site`.

Pages are written to be read in the repository too, so links are relative, and some lead out of this directory. Those to
the pages beside README.md are led to the pages of the site that include them; other files become downloads.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from gateway import __version__  # noqa: E402 - of this checkout, whatever is installed

project = "The gateway"
author = "the gateway authors"
copyright = author  # noqa: A001 - the name that Sphinx reads
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click", "sphinx_copybutton"]
exclude_patterns = ["_build"]

myst_enable_extensions = ["attrs_inline"]
# Decisions point at each other's headings, and guides at those of references.
myst_heading_anchors = 4

# What the pages say is looked after (`--nitpicky`); types in signatures have no page here to lead to.
nitpick_ignore_regex = [("py:.*", ".*")]
# Docstrings say `name` where reStructuredText has two backticks.
default_role = "code"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # an attribute is told of once, where the class is

highlight_language = "text"
html_theme = "furo"
html_title = f"The gateway {__version__}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
# Nothing is asked from other hosts, and nothing on a page says when it was built: the same sources make the same site.
html_show_sphinx = False
html_last_updated_fmt = None
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {"font-stack--monospace": "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"},
}
# A prompt is not copied, nor is what the command printed.
copybutton_prompt_text = r"^\$ "
copybutton_prompt_is_regexp = True
copybutton_here_doc_delimiter = "END"

_BESIDE = {
    "ARCHITECTURE.md": "/project/architecture.md",
    "CONTRIBUTING.md": "/project/contributing.md",
    "NEWS.md": "/project/news.md",
    "SECURITY.md": "/project/security-policy.md",
    "README.md": "/index.md",
}
"""Pages beside this directory, and those of the site that show them."""


def _lead_inside(app: Sphinx, docname: str, source: list[str]) -> None:
    """Turn links that leave this directory into ones that the site has."""
    page = Path(app.srcdir, docname)

    def turned(link: re.Match[str]) -> str:
        text, target, anchor = link["text"], link["target"], link["anchor"] or ""
        path = (page.parent / target).resolve()
        if not path.is_relative_to(ROOT) or path.is_relative_to(app.srcdir):
            return link[0]
        name = str(path.relative_to(ROOT))
        if name in _BESIDE and Path(app.srcdir, _BESIDE[name].lstrip("/")).exists():
            return f"[{text}]({_BESIDE[name]}{anchor})"
        # A directory cannot be downloaded: its name says where to look in the repository.
        return f"{text} (`{name}`)" if path.is_dir() else link[0]

    source[0] = re.sub(r"\[(?P<text>[^\]\[]*)\]\((?P<target>\.\.?/[^)#\s]*)(?P<anchor>#[^)]*)?\)", turned, source[0])


def _keep_examples(app: Sphinx, what: str, name: str, of: object, options: object, lines: list[str]) -> None:
    """Show what docstrings indent behind a colon as it stands there."""
    for number, line in enumerate(lines):
        behind = next((later for later in lines[number + 1 :] if later), "")
        if (
            line.endswith(":")
            and not line.endswith("::")
            and not line.startswith((" ", ":"))
            and behind.startswith("    ")
        ):
            lines[number] = f"{line}:"


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _lead_inside)
    app.connect("autodoc-process-docstring", _keep_examples)
    # Diagrams stay text: what draws them in a browser would have to be fetched from another host. Of the languages of
    # queries Pygments knows one, and not what our recording rules are called.
    for language in ("mermaid", "logql", "promql"):
        app.add_lexer(language, TextLexer)
