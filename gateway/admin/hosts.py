"""Which names the admin port answers to.

A hostile page may make its own name point to 127.0.0.1 ("DNS rebinding"); the
browser that shows the page then lets it read the answers of this port. The
requests have the page's name as `Host`, which is refused (D-79). Addresses and
`localhost` are always taken: no page from elsewhere can have them as its name.
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
