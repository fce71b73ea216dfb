"""`${VAR}` in values, from the environment.

`${VAR}`, `${VAR:-default}` and `${VAR:?message}` as a shell has them (`:` means
unset or empty); `$${` is a literal `${`; a `$` elsewhere stands for itself, so
that regular expressions and `$argon2id$…` hashes need no care. Keys are never
touched. A plain scalar may become a number: `port: ${PORT}`; so may one in
quotes, which JSON asks for, where the key takes a number.

# Note [Runtime names]
Inside `transformations`, `redirect`, `respond` and `aggregate`, `${latency}` and the other names in `RUNTIME`
belong to the exchange and stay as they are. They do in `cache.tags`, which takes the name of a field, so that none of
them can come from the environment there. There, a `$${` stays too: whatever renders
the template undoes it, and until then it must not look like a name. For the
same reason a value put in from the environment has its `${` doubled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gateway.config import nearest
from gateway.config.nodes import ListNode, Node, ScalarNode, join
from gateway.config.problems import Problem, problem, suggestion

RUNTIME = ("latency", "request_id", "client_ip", "route", "upstream", "method", "path", "status", "now")
CLAIM = "claim."
PARAM = "param."
HEADER = "header."
QUERY = "query."
RUNTIME_SECTIONS = ("transformations", "redirect", "respond", "aggregate")
"""Keys inside which runtime names stay as they are."""

_TOKEN = re.compile(r"\$\$\{|\$\{(?P<body>[^{}]*)\}|(?P<open>\$\{)")
_BODY = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?P<kind>[-?])(?P<rest>.*))?", re.DOTALL)
_RUNTIME_NAME = re.compile(
    rf"(?:{'|'.join(RUNTIME)}|{re.escape(CLAIM)}[A-Za-z0-9_.:/-]+|{re.escape(PARAM)}[A-Za-z0-9_-]+"
    rf"|{re.escape(HEADER)}[!#$%&'*+.^_`|~0-9A-Za-z-]+|{re.escape(QUERY)}[^\x00-\x20&=#;+%{{}}]+)"
)


def substitute(root: Node, variables: Mapping[str, str], problems: list[Problem]) -> None:
    """Replace, in place, what stands in the scalars below `root`."""
    _walk(root, "", False, variables, problems)


def _walk(node: Node, path: str, runtime: bool, variables: Mapping[str, str], problems: list[Problem]) -> None:
    if isinstance(node, ScalarNode):
        if not _is_settled(node):
            _scalar(node, path, runtime, variables, problems)
    elif isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            if not _is_settled(item):
                _walk(item, join(path, index), runtime, variables, problems)
    else:
        for key, entry in node.entries.items():
            if not _is_settled(entry.node):
                below = join(path, key)
                reserved = runtime or key in RUNTIME_SECTIONS or below.endswith(".cache.tags")
                _walk(entry.node, below, reserved, variables, problems)


def _is_settled(node: Node) -> bool:
    """Whether nothing is to be replaced in a scalar: nearly all are so, and the path of their keys is not made."""
    return isinstance(node, ScalarNode) and (node.settled or "${" not in node.text)


def _scalar(node: ScalarNode, path: str, runtime: bool, variables: Mapping[str, str], problems: list[Problem]) -> None:
    def replace(match: re.Match[str]) -> str:
        if match["open"]:
            raise _Refused("a closing `}` after `${`", "none")
        body = match["body"]
        if body is None:
            return "$${" if runtime else "${"
        if runtime and _RUNTIME_NAME.fullmatch(body):  # Note [Runtime names]
            return match[0]
        value = _value(body, variables, runtime)
        return value.replace("${", "$${") if runtime else value

    node.settled = True
    alone = _TOKEN.fullmatch(node.text)
    node.filled = not node.plain and alone is not None and alone["body"] is not None
    try:
        text = _TOKEN.sub(replace, node.text)
    except _Refused as refused:
        node.broken = True
        problems.append(problem(node.place, path, *refused.args))
        return
    if node.plain and not text:
        node.plain = False  # an empty variable is an empty text, not null
    node.text = text


class _Refused(Exception):
    """One `${…}` cannot be replaced; `args` are what was expected and what was found."""


def _value(body: str, variables: Mapping[str, str], runtime: bool) -> str:
    match = _BODY.fullmatch(body)
    if match is None:
        raise _Refused(_forms(runtime), f"`${{{body}}}`{_near(body, runtime)}")
    name, kind, rest = match.group("name", "kind", "rest")
    value = variables.get(name)
    if value or (value is not None and kind is None):
        return value
    if kind == "-":
        return str(rest)
    if kind == "?":
        raise _Refused(f"the environment variable {name}", f"none: {rest}" if rest else "none")
    if runtime:
        raise _Refused(_forms(runtime), f"`${{{name}}}`, which is not set either{_near(name, runtime)}")
    # Near enough for a slip of the hand only: the names of other variables are nobody's business.
    raise _Refused(f"the environment variable {name}", f"none, and no default{suggestion(name, variables, 0.85)}")


def _forms(runtime: bool) -> str:
    if runtime:
        names = ", ".join([*RUNTIME, *(f"{kind}NAME" for kind in (CLAIM, PARAM, HEADER, QUERY))])
        return f"one of {names} or an environment variable"
    return "`${VAR}`, `${VAR:-default}` or `${VAR:?message}` (`$${` for a literal `${`)"


def _near(name: str, runtime: bool) -> str:
    return nearest.name(name, RUNTIME, (CLAIM, PARAM, HEADER, QUERY)) if runtime else ""
