"""Texts as they may be shown: a URL without its credentials."""

from __future__ import annotations

import re

MASK = "**********"
"""Stands for a secret, however long that is."""

# To the last `@`: a password that nobody has percent-encoded may hold a `/`, an `@` or a blank.
_USER_INFO = re.compile(r"(?<=://).*@", re.DOTALL)
# A URL that was written wrongly holds a password all the same: `user:secret@host`, `//…`, `http:…`, `http:/…`.
_ODD_USER_INFO = re.compile(r"^((?:https?|rediss?|h2c?):/?|//).*@|^(?![~/]).*:.*@", re.DOTALL)
_QUERY = re.compile(r"(://[^\s?#]*\?|^[^\s?#]*\?(?=[^\s?=]+=))\S.*", re.DOTALL)


def without_credentials(text: str) -> str:
    """Mask what stands before the host of a URL and after its `?`, also where it is the end of one, `/path?query`."""
    if "@" in text:
        if "://" in text:
            text = _USER_INFO.sub(f"{MASK}@", text)
        else:
            text = _ODD_USER_INFO.sub(lambda found: f"{found[1] or ''}{MASK}@", text)
    return _QUERY.sub(rf"\1{MASK}", text)
