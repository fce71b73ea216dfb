"""Which names the admin port answers to.

A page that somebody opens may have its own name point to 127.0.0.1 ("DNS
rebinding"), and their browser then lets it read what this port says. Such a
request names the page's host; an address, and `localhost`, are no name that a
page could have.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import ip_address

_HOST = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::[0-9]*)?")


def is_own(host: str, names: Collection[str]) -> bool:
    """Say whether a `Host` field names this port.

    Args:
        host: The field's value.
        names: Further names that are this gateway's, in lower case; `*.example.com` is for those below it.
    """
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = match[1].lower().removesuffix(".")
    if name == "localhost" or name in names or f"*.{name.partition('.')[2]}" in names:
        return True
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
