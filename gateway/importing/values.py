"""Values that sources write in their way, in ours: times, sizes, networks, methods, secrets that stand elsewhere.

Tests: `tests/importing/test_values.py`.
"""

from __future__ import annotations

import re
from hashlib import sha256
from ipaddress import ip_network

from gateway.config.patterns import route_method
from gateway.config.problems import Unexpected
from gateway.config.units import LONGEST, format_duration
from gateway.importing.draft import Draft, Template, Variable
from gateway.importing.parts import Part

TAKEN = "what the source takes from the environment"

_ENVIRONMENT = re.compile(
    r"\{vault://env/(?P<vault>[A-Za-z0-9_-]+)\}|\$\{\{\s*env\s+\"?(?P<deck>[A-Za-z_]\w*)\"?\s*\}\}"
    r"|\$\{\{(?P<apisix>[A-Za-z_]\w*)\}\}|\$env://(?P<env>[A-Za-z_]\w*)|\$ENV://(?P<upper>[A-Za-z_]\w*)"
)


def seconds(number: float) -> str:
    """Write a number of seconds as a duration of ours."""
    return str(format_duration(min(float(number), LONGEST)))


def milliseconds(part: Part, key: str, otherwise: int) -> str:
    """Read a number of milliseconds as a duration of ours."""
    number = part.number(key)
    return seconds((otherwise if number is None else number) / 1000)


def methods(part: Part, draft: Draft) -> list[str]:
    """Read the `methods` of a route; those that cannot be ours are listed."""
    found = []
    for each in part.one_or_each("methods"):
        try:
            found.append(route_method(each.text() or ""))
        except Unexpected as error:
            draft.leave(each, f"expected {error.expected}, found {each.text()!r}")
    return found


def network(written: str) -> str | None:
    """Return an address or a network without host bits, which some let through; None where it is neither."""
    try:
        found = ip_network(written, strict=False)
    except ValueError:
        return None
    return str(found.network_address) if found.num_addresses == 1 else str(found)


def common(some: list[str], others: list[str]) -> list[str]:
    """Return the blocks of addresses that are in both of two lists of networks, as `network` writes them."""
    found: dict[str, None] = {}
    for one in map(ip_network, some):
        for other in map(ip_network, others):
            if one.version == other.version and one.overlaps(other):
                smaller = max(one, other, key=lambda block: block.prefixlen)
                found[network(str(smaller)) or str(smaller)] = None
    return list(found)


def from_environment(written: str) -> Template | None:
    """Return a secret that a source takes from the environment, in our way of saying so; None for any other text.

    Kong says `{vault://env/NAME}`, deck `${{ env "NAME" }}`, APISIX `$env://NAME` and `${{NAME}}`.
    """
    found = _ENVIRONMENT.fullmatch(written.strip())
    if found is None:
        return None
    name = next(one for one in found.groups() if one)
    return Template(f"${{{name.upper().replace('-', '_') if found['vault'] else name}}}")


def secret(part: Part, name: str, draft: Draft) -> Template:
    """Return what takes the place of a secret: the variable that the source takes it from, or one of this name.

    Args:
        part: The secret.
        name: What the variable is called, where the source has the secret itself.
        draft: Where it is noted that the variable has to be set.
    """
    outside = from_environment(part.text() or "")
    if outside is None:
        return draft.secret(name, part.place)
    draft.secrets[outside[2:-1]] = Variable(part.place, TAKEN)
    return outside


def key(part: Part, draft: Draft) -> dict[str, str]:
    """Return an API key as `auth.api_keys.keys` has it: its hash, or the variable that the source takes it from.

    The hash tells nothing about a key that a machine has made up: whoever has the result has no key.
    """
    written = part.text() or ""
    outside = from_environment(written)
    if outside is None:
        return {"hash": f"sha256:{sha256(written.encode()).hexdigest()}"}
    draft.secrets[outside[2:-1]] = Variable(part.place, TAKEN)
    return {"key": outside}


def pattern_of(values: list[str], *, any_case: bool = False) -> str:
    """Return a condition of ours that one of several texts meets."""
    if len(values) == 1 and not (any_case and values[0].lower() != values[0].upper()) and values[0][:1] not in "~*":
        return values[0]
    flags = "(?i)" if any_case else ""
    return f"~{flags}^(?:{'|'.join(literal(one) for one in values)})$"


def literal(text: str) -> str:
    """Return an expression that matches this text alone."""
    return re.sub(r"([.*+?()\[\]{}|^$\\])", r"\\\1", text)
