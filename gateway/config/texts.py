"""Texts as they may be shown: a URL without its credentials."""

from __future__ import annotations

import re

MASK = "**********"
"""Stands for a secret, however long that is."""

# To the last `@`: a password that nobody has percent-encoded may hold a `/` or an `@`.
_USER_INFO = re.compile(r"(?<=://)\S*@")
_QUERY = re.compile(r"(://[^\s?#]*\?|^[^\s?#]*\?(?=[^\s?=]+=))\S.*", re.DOTALL)


def without_credentials(text: str) -> str:
    """Mask what stands before the host of a URL and after its `?`, also where it is the end of one, `/path?query`."""
    return _QUERY.sub(rf"\1{MASK}", _USER_INFO.sub(f"{MASK}@", text))
