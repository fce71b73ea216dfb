"""Host names in their own script, as DNS and HTTP have them: internationalised domain names after IDNA 2008 (RFC 5891).

Layer 1. Asked by `gateway.config.patterns` about every name that an operator writes, and by whatever shows a name to
people. Clients send A-labels (`xn--…`), which are compared as they come; `gateway.http.hosts` refuses all but ASCII.

What is written is mapped as UTS #46 has it, without its transitional rules (capital letters, full-width forms, `。` for
a dot), as browsers do.
"""

from __future__ import annotations

import idna

PREFIX = "xn--"
"""What an A-label begins with."""


def to_ascii(name: str) -> str:
    """Return a name as DNS has it, in lower case.

    Labels that are ASCII stay as they are: DNS has names that are no host names (`_acme`, `my_service`), and A-labels
    that IDNA 2008 does not allow any more.

    Raises:
        UnicodeError: A label cannot be one; which, and why.
    """
    if not name.isascii():
        name = idna.uts46_remap(name, std3_rules=False, transitional=False)
    return ".".join([_a_label(label) for label in name.lower().split(".")]) if name else name


def to_unicode(name: str) -> str:
    """Return a name in its own script, for people; A-labels that IDNA 2008 does not allow stay as they are."""
    if PREFIX not in name:
        return name
    return ".".join([_u_label(label) if label.startswith(PREFIX) else label for label in name.split(".")])


def for_people(name: str) -> str:
    """Return a name in its own script with the other form beside it: letters of two scripts can look alike."""
    shown = to_unicode(name)
    return name if shown == name else f"{shown} ({name})"


def _a_label(label: str) -> str:
    if not label.isascii():
        return idna.alabel(label).decode()
    if label.startswith(PREFIX):
        coded = label.removeprefix(PREFIX)
        try:
            decoded = coded.encode().decode("punycode")
            sound = decoded.isprintable() and not decoded.isascii() and decoded.encode("punycode").decode() == coded
        except (UnicodeError, OverflowError):
            sound = False
        if not sound:
            raise idna.IDNAError(f"`{label}` is no name in another script, which `{PREFIX}` promises (RFC 5890)")
    return label


def _u_label(label: str) -> str:
    try:
        shown = idna.ulabel(label)
        return shown if idna.alabel(shown) == label.encode() else label
    except UnicodeError:  # `idna.IDNAError` is one
        return label
