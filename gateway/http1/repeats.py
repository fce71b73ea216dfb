"""Requests that came before, octet for octet, and that a cache has answered.

# Note [The same request again]
Who asks for what a cache keeps asks for the same as others, and most clients write their heads alike: such a request is
known by all of its octets, from the request line to the empty line. Then its line is not read, its fields are not
looked up, and what was found out of it (route, key in the cache, the record's fixed parts) stands in its `Repeat`.

Other requests are not remembered like this, though the way of all would be shorter: a request line is another one with
each URL, and a backend is asked for many that come once. So what nobody keeps an answer to has to pay for no look-up in
here either: as long as there is nothing to be found, none is made.

Only a request that was read by the memo of heads comes in (`gateway.http1.memo`), which means that a line of the plain
kind and fields that came before make it up. What they say is the same on every connection; how long a head may be, and
how many fields it may have, is asked each time. A change of the configuration empties the memo, so that nobody is kept
who was routed to.

Tests: `tests/http1/test_repeats.py`.
"""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from gateway.http.memo import Memo
from gateway.http1.request_line import plain_line
from gateway.message import Repeat, Request


@mypyc_attr(allow_interpreted_subclasses=True)
class Repeats(Memo[bytes, Repeat]):
    """What is known of requests, by their octets."""

    most = 512
    longest = 2048

    def note(self, request: Request) -> None:
        """Remember a request, if it is not here for the first time, and was read by the memo of heads."""
        block = request.headers.block
        if block is None or block.came is None:
            return
        fields, host = block.came
        octets = b"%b %b HTTP/1.1\r\n%b" % (request.method, request.target, fields)
        if not self.came_before(octets):
            return
        line = plain_line(octets)
        # A step may have written something else into the request than came.
        if line is not None and line.end() == len(octets) - len(fields):
            method, target = line.groups()
            self.remember(octets, Repeat(method, target, host, block))
