"""An `ssl:` endpoint string whose files this process may not read, and another has read for it.

Used by `gateway.listening.endpoints`: Twisted opens these files itself while it parses the string, so it is given a
string that names copies. See Note [What root has read] in `gateway.config.lent_files`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from gateway.config.lent_files import lent
from gateway.listening.endpoint_files import renamed


@contextmanager
def readable(description: str) -> Iterator[str]:
    """Give the endpoint string that Twisted can open while the block lasts: as it is, but for files that were lent."""
    if not lent or not description.startswith("ssl:"):
        yield description
        return
    # Only with TLS, which takes memory that others do not need.
    from gateway.transport.sessions import file_of

    with ExitStack() as copies:

        def copy(file: str) -> str:
            content = None if os.access(file, os.R_OK, effective_ids=True) else lent.content(file)
            return file if content is None else copies.enter_context(file_of(content))

        yield renamed(description, copy)
