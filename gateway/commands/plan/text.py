"""How a plan is said: on a terminal, in a pull request, to programs.

Tests: `tests/commands/plan/test_command.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from gateway.commands.wording import printable
from gateway.config.problems import Place
from gateway.config.units import format_duration

if TYPE_CHECKING:
    from gateway.config.changed_keys import KeyChange
    from gateway.rehearsal.planning.compared_request import ComparedRequest
    from gateway.rehearsal.planning.plan import Change, Plan, Rerouted
    from gateway.rehearsal.planning.rerouting import Move
    from gateway.rehearsal.planning.too_short import TooShort

_COLOURS: Final = {"danger": "red", "warning": "yellow", "change": "cyan", "note": None}
_SIGNS: Final = {"-": "red", "+": "green"}
_MARKS: Final = {"danger": "🛑", "warning": "⚠️", "change": "🔹", "note": "▫️"}
_NOTHING: Final = "nothing changes"
_TICKS: Final = re.compile("`+")
_PUNCTUATION: Final = re.compile(r"[\\`*_\[\]<>|~&#]|(?<=:)/|(?<=www)\.")
"""What Markdown makes something of; `://` and `www.` make links without anything around them (GFM, section 6.9)."""


def is_empty(plan: Plan, compared: Sequence[ComparedRequest]) -> bool:
    """Whether nothing differs."""
    told = plan.changes or plan.rerouted or plan.doubts or plan.everywhere or plan.too_short
    return not told and all(one.same for one in compared)


def text(plan: Plan, compared: Sequence[ComparedRequest]) -> Iterator[str]:
    """Say a plan, line by line."""
    parts = [list(_changes(plan)), list(_rerouted(plan))]
    levels = [[one.level for one in plan.changes], [one.level for one in plan.rerouted]]
    if levels[1] and levels[0] and _rank(levels[1][0]) < _rank(levels[0][0]):
        parts.reverse()
    yield from parts[0]
    if all(parts):
        yield ""
    yield from parts[1]
    if plan.doubts:
        yield from ("", "doubtful, and was not")
        for doubt in plan.doubts:
            place = click.style(f"{doubt.file}:{doubt.line}:{doubt.column}", dim=True)
            yield f"{_level('warning')} {printable(f'{doubt.path}: {doubt.message}')} [{doubt.code}]  {place}"
    if plan.too_short:
        yield ""
        yield "timeouts that are below what the log shows"
    for late in plan.too_short:
        place = click.style(f"  {late.place}", dim=True) if late.place is not None else ""
        yield f"{_level('warning')} {printable(_too_short(late))}{place}"
    if plan.everywhere:
        yield ""
        yield from (f"{_level('change')} {words}" for words in plan.everywhere)
    for asked in compared:
        yield ""
        yield from _asked(asked)
    if plan.changes or plan.rerouted or plan.doubts or plan.too_short or compared:
        yield ""
    yield _counts(plan)


def _rank(level: str) -> int:
    return list(_COLOURS).index(level)


def _changes(plan: Plan) -> Iterator[str]:
    for change in plan.changes:
        yield f"{_level(change.level)} {click.style(_called(change), bold=True)}{_where(change.before, change.after)}"
        for effect in change.effects:
            yield f"    {_level(effect.level)} {printable(effect.words)}"
        for key, before, after in change.keys:
            yield f"             {printable(f'{key.key or change.section}: {_values(key)}')}{_where(before, after)}"


def _rerouted(plan: Plan) -> Iterator[str]:
    if plan.rerouted:
        yield "requests that go elsewhere"
    for one in plan.rerouted:
        yield f"{_level(one.level)} {printable(_moved(one))}{_where(one.before, one.after)}"
        for effect in one.effects:
            yield f"    {_level(effect.level)} {printable(effect.words)}"


def _level(level: str) -> str:
    return click.style(f"{level:<8}", fg=_COLOURS[level])


def _called(change: Change) -> str:
    name = f" {change.name}" if change.name else ""
    kind = "in another order" if change.kind == "moved" else change.kind
    return printable(f"{change.section}{name} {kind}{f' (was {change.was})' if change.was else ''}")


def _where(before: Place | None, after: Place | None) -> str:
    """Say where something is written now, and where it was."""
    places = [str(one) for one in dict.fromkeys([after, before]) if one is not None]
    words = f"{places[0]} (was {places[1]})" if len(places) == 2 else "".join(places)
    return click.style(f"  {words}", dim=True) if words else ""


def _values(key: KeyChange) -> str:
    if key.before == key.after:
        return "another secret"
    return f"{'(none)' if key.before is None else key.before} → {'(none)' if key.after is None else key.after}"


def _moved(one: Rerouted) -> str:
    move = one.move
    before = "no route" if move.before is None else move.before
    others = f" and {move.samples - 1} more" if move.samples > 1 else ""
    return f"{move.sample}{others}: {before} → {_taker(move)}"


def _taker(move: Move) -> str:
    if move.after is not None:
        return move.after
    return f"no route ({move.answer})" if move.answer else "the gateway itself"


def _too_short(late: TooShort) -> str:
    return (
        f"routes {late.route}: {late.share:.1%} of {late.answers:,} answers took longer than its timeout of "
        f"{format_duration(late.timeout)}; 99% took up to {late.p99:.3g}s"
    )


def _asked(compared: ComparedRequest) -> Iterator[str]:
    request = compared.request
    yield click.style(printable(f"{request.method} {request.url}"), bold=True)
    was, now = compared.before.outcome.answer.status, compared.after.outcome.answer.status
    if compared.same:
        yield f"  {now}, as before: nothing about it is otherwise"
        return
    yield f"  {was} → {now}" if was != now else f"  {now}, as before, but not in the same way"
    for line in compared.lines:
        if not line.startswith(" "):
            yield "  " + click.style(printable(line), fg=_SIGNS.get(line[0]))


def _counts(plan: Plan) -> str:
    plural = {"danger": "dangers", "warning": "warnings", "change": "changes", "note": "notes"}
    counts = plan.levels
    parts = [
        click.style(f"{count} {level if count == 1 else plural[level]}", fg=_COLOURS[level])
        for level, count in counts.items()
    ]
    return ", ".join(parts) or _NOTHING


def markdown(plan: Plan, compared: Sequence[ComparedRequest]) -> Iterator[str]:
    """Say a plan for a pull request, line by line."""
    yield f"### gateway plan: {click.unstyle(_counts(plan))}"
    for change in plan.changes:
        yield from ("", f"{_MARKS[change.level]} **{_escaped(_called(change))}**{_cited(change.before, change.after)}")
        if change.effects or change.keys:
            yield ""
        for effect in change.effects:
            yield f"- {_MARKS[effect.level]} {effect.level}: {_escaped(effect.words)}"
        for key, before, after in change.keys:
            yield f"- {_code(f'{key.key or change.section}: {_values(key)}')}{_cited(before, after)}"
    if plan.rerouted:
        yield from ("", "#### Requests that go elsewhere", "")
        yield from ("| | request | before | after | |", "| --- | --- | --- | --- | --- |")
        for one in plan.rerouted:
            move = one.move
            taker = _taker(move)
            words = "; ".join(effect.words for effect in one.effects)
            cells = [_code(str(move.sample), cell=True)]
            cells += [_escaped(each, cell=True) for each in (move.before or "no route", taker, words)]
            yield f"| {_MARKS[one.level]} | {' | '.join(cells)} |"
    if plan.doubts:
        yield from ("", "#### Doubtful, and was not", "")
        for doubt in plan.doubts:
            place = _code(f"{doubt.file}:{doubt.line}")
            yield f"- {_escaped(f'{doubt.path}: {doubt.message}')} ({_code(doubt.code)}, {place})"
    if plan.too_short:
        yield from ("", "#### Timeouts that are below what the log shows", "")
        yield from (
            f"- {_MARKS['warning']} {_escaped(_too_short(one))}{_cited(one.place, None)}" for one in plan.too_short
        )
    if plan.everywhere:
        yield ""
        yield from (f"- {_MARKS['change']} {_escaped(words)}" for words in plan.everywhere)
    for asked in compared:
        yield ""
        lines = [click.unstyle(line) for line in _asked(asked)]
        fence = "`" * max(3, 1 + max(map(len, _TICKS.findall("".join(lines))), default=0))
        yield from (f"#### {_code(lines[0])}", "", f"{fence}diff", *(line[2:] for line in lines[1:]), fence)


def _cited(before: Place | None, after: Place | None) -> str:
    words = click.unstyle(_where(before, after)).strip()
    return f" {_code(words)}" if words else ""


def _code(words: str, cell: bool = False) -> str:
    """Return words as code; in a cell of a table, where `|` parts cells even inside of code.

    Code ends at as many backticks as it began with: at one more than any of the words has in a row.
    """
    clean = printable(words)
    if cell:
        clean = clean.replace("|", "\\|")
    ticks = "`" * (1 + max(map(len, _TICKS.findall(clean)), default=0))
    space = " " if clean.startswith("`") or clean.endswith("`") else ""
    return f"{ticks}{space}{clean}{space}{ticks}"


def _escaped(words: str, cell: bool = False) -> str:
    """Return words that nothing in Markdown makes something else of: a route's name may be a link, or a picture.

    What stands between backticks is code, as it is meant where we have put them ourselves.
    """
    pieces = printable(words).split("`")
    if len(pieces) % 2 == 0:  # one of them is the operator's own
        return _plain("`".join(pieces))
    return "".join(_code(piece, cell) if place % 2 and piece else _plain(piece) for place, piece in enumerate(pieces))


def _plain(words: str) -> str:
    # GitHub notifies whoever is named behind `@`, however it was escaped: a space without width stands between.
    return _PUNCTUATION.sub(r"\\\g<0>", words).replace("@", "@&#8203;")


def document(plan: Plan, compared: Sequence[ComparedRequest]) -> dict[str, Any]:
    """Return a plan as data."""
    return {
        "changes": [
            {
                "section": one.section,
                "name": one.name,
                "kind": one.kind,
                "was": one.was or None,
                "level": one.level,
                "before": _place(one.before),
                "after": _place(one.after),
                "effects": [effect._asdict() for effect in one.effects],
                "keys": [
                    {
                        "key": key.key,
                        "before": key.before,
                        "after": key.after,
                        "secret": key.before == key.after,
                        "before_at": _place(before),
                        "after_at": _place(after),
                    }
                    for key, before, after in one.keys
                ],
            }
            for one in plan.changes
        ],
        "rerouted": [
            {
                "method": one.move.sample.method,
                "host": one.move.sample.host,
                "target": one.move.sample.target,
                "headers": dict(one.move.sample.headers),
                "before": one.move.before,
                "after": one.move.after,
                "status": one.move.answer or None,
                "level": one.level,
                "effects": [effect._asdict() for effect in one.effects],
                "before_at": _place(one.before),
                "after_at": _place(one.after),
            }
            for one in plan.rerouted
        ],
        "doubts": [one._asdict() for one in plan.doubts],
        "everywhere": plan.everywhere,
        "too_short": [{**one._asdict(), "place": _place(one.place)} for one in plan.too_short],
        "requests": [
            {
                "method": one.request.method,
                "url": one.request.url,
                "same": one.same,
                "status_before": one.before.outcome.answer.status,
                "status_after": one.after.outcome.answer.status,
                "lines": one.lines,
            }
            for one in compared
        ],
        "levels": plan.levels,
    }


def _place(place: Place | None) -> dict[str, Any] | None:
    return None if place is None else place._asdict()
