"""Find out of its first lines how an access log is written, or take what somebody says.

Tests: `tests/recorded/test_forms.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.config import Settings
from gateway.recorded.facts import Unreadable, recorded
from gateway.recorded.lines import Form, JsonForm, TextForm
from gateway.recorded.members import GATEWAY, JSON_FORMS, TEXT_FORMS, told

NAMES: Final = (*JSON_FORMS, *TEXT_FORMS)
"""Forms that have a name."""


_TEMPLATE: Final = "access_log.format"

OURS: Final = frozenset({"gateway", _TEMPLATE})
"""Forms that only we write."""


class UnknownForm(Exception):
    """No form fits; the words are for people."""


def named(name: str) -> Form:
    """Return a form by its name, or that of a template.

    Raises:
        UnknownForm: It is neither.
    """
    if name in JSON_FORMS:
        return JsonForm(name, JSON_FORMS[name])
    if name in TEXT_FORMS:
        return TextForm(name, TEXT_FORMS[name])
    if "%" in name or "$" in name:
        try:
            return TextForm("given", name)
        except ValueError as error:
            raise UnknownForm(f"expected {error}") from None
    raise UnknownForm(
        f'expected {", ".join(NAMES)}, or a template with %{{FIELD}}, $variable or %OPERATOR% in it, found "{name}"'
    )


def of_settings(settings: Settings) -> list[Form]:
    """Return the form that a configuration itself gives its access log, where that is one without a name."""
    log = settings.access_log
    if log.format == "json":
        return [] if isinstance(log.record, str) else [JsonForm("gateway", {**GATEWAY, **told(log.record)})]
    if log.format in TEXT_FORMS:
        return []
    try:
        return [TextForm(_TEMPLATE, log.format)]
    except ValueError:
        return []  # no request can be made of such a line


def recognised(lines: Sequence[bytes], own: Sequence[Form] = ()) -> Form:
    """Return the form that most of some lines are of.

    Args:
        lines: The first of a log.
        own: Forms of the configuration, which come before those of others that fit as well.

    Raises:
        UnknownForm: None fits a line.
    """
    best: Form | None = None
    most = (0, 0)
    for form in [*own, *map(named, NAMES)]:
        fits = _fits(form, lines)
        if fits > most:
            best, most = form, fits
    if best is None:
        raise UnknownForm(
            "no line at its beginning is one of an access log that is known: ours in every schema, Envoy's, nginx's; "
            f"--format says which it is: {', '.join(NAMES)}, or a template"
        )
    return best


def _fits(form: Form, lines: Sequence[bytes]) -> tuple[int, int]:
    """Return how many lines hold requests by a form, and how much they tell."""
    requests = facts = 0
    for line in lines:
        try:
            said = form.read(line)
            recorded(0, said)
        except Unreadable:
            continue
        requests += 1
        facts += len(said)
    return requests, facts
