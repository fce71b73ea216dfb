"""Drive a proxy with wrk and read what it counted.

wrk runs a Lua script of ours: it makes the requests and prints the counts as
one line of JSON, so that nothing is read out of a text made for people.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Starting and ending a run leaves its connections idle for a part of it; a stall is more than that.
_TOLERATED = 0.2

_MARK = "benchmark-result "

_DONE = """
function done(summary, latency, requests)
  local e = summary.errors
  local form = '\\nMARK{"seconds": %.6f, "requests": %.0f, "bytes": %.0f, ' ..
    '"mean_us": %.0f, "p50_us": %.0f, "p99_us": %.0f, ' ..
    '"connect": %.0f, "read": %.0f, "write": %.0f, "timeout": %.0f, "status": %.0f}\\n'
  if ended then ended() end
  io.write(string.format(
    form, summary.duration / 1e6, summary.requests, summary.bytes,
    latency.mean, latency:percentile(50), latency:percentile(99),
    e.connect, e.read, e.write, e.timeout, e.status))
end
""".replace("MARK", _MARK)

# The seconds of the clock in front: no number comes twice, whichever run it is of. Lua's numbers hold 53 bits.
_NUMBERED = """
local head, number
function init(args)
  head = wrk.format():sub(1, -3) .. FIELD
  number = os.time() * 1000000
end
function request()
  number = number + 1
  return head .. string.format("%.0f", number) .. "\\r\\n\\r\\n"
end
"""

_SHOWN = """
local asking, head
local values, turn = {}, 0
local place = FILE .. "." .. wrk.port
function setup(thread) asking = thread end
function init(args)
  head = wrk.format():sub(1, -3) .. FIELD
  for line in io.lines(FILE) do values[#values + 1] = line end
  local kept = io.open(place)
  if kept then
    turn = kept:read("*n")
    kept:close()
  end
  reached = turn
end
function request()
  turn = turn % #values + 1
  reached = turn
  return head .. values[turn] .. "\\r\\n\\r\\n"
end
function ended()
  local kept = io.open(place, "w")
  kept:write(asking:get("reached"))
  kept:close()
end
"""


class LoadFailed(Exception):
    """wrk did not run to its end; the message has what it said."""


@dataclass(frozen=True)
class Load:
    """What wrk saw in one run.

    Attributes:
        seconds: How long it sent.
        requests: Responses received in full, of any status.
        received: Bytes received, heads included.
        mean: Mean latency in seconds.
        p50: Median latency in seconds.
        p99: 99th percentile of the latency in seconds.
        failed: Socket errors, timeouts and answers with a status over 399.
    """

    seconds: float
    requests: int
    received: int
    mean: float
    p50: float
    p99: float
    failed: int

    def unanswered(self, connections: int) -> int:
        """Estimate how many connections waited in vain for most of the run.

        A request without an answer is no failure to wrk until its timeout, which is longer than a run. But by
        Little's law answers a second times mean latency is the number of requests that were being answered.
        """
        answered = self.requests / self.seconds * self.mean
        idle = connections - round(answered)
        return idle if idle > connections * _TOLERATED else 0


def parse(output: str) -> Load:
    """Read the result line out of wrk's output.

    Raises:
        LoadFailed: There is none: wrk stopped early.
    """
    for line in output.splitlines():
        if line.startswith(_MARK):
            counted = json.loads(line.removeprefix(_MARK))
            return Load(
                seconds=counted["seconds"],
                requests=int(counted["requests"]),
                received=int(counted["bytes"]),
                mean=counted["mean_us"] / 1e6,
                p50=counted["p50_us"] / 1e6,
                p99=counted["p99_us"] / 1e6,
                failed=sum(int(counted[kind]) for kind in ("connect", "read", "write", "timeout", "status")),
            )
    raise LoadFailed(output.strip() or "wrk printed nothing")


@dataclass(frozen=True)
class Shown:
    """A field with another value in every request, out of a file.

    A run goes on behind the value at which the one before it on the same port has ended, so that a value comes again
    only after all the others.

    Attributes:
        field: Its name.
        before: What stands before the value: `Bearer `.
        values: The file, a value on each line. Beside it files are kept that say how far each port is.
    """

    field: str
    before: str
    values: Path


def script(
    headers: Sequence[tuple[str, str]],
    method: str = "GET",
    body_bytes: int = 0,
    paths: Sequence[str] = (),
    numbered: str = "",
    shown: Shown | None = None,
    body: bytes = b"",
) -> str:
    """Write the Lua script of a load.

    Args:
        headers: Sent with every request, beside `Host`.
        method: The method of every request.
        body_bytes: Size of the body of every request; 0 for none.
        paths: Asked for in turn; empty: the path of the URL each time.
        numbered: Name of a field with another number in each request, in whatever run; empty for none.
        shown: A field with another value in each request, out of a file.
        body: Of every request, in ASCII; in place of one of so many octets.
    """
    lines = [f"wrk.method = {_quoted(method)}"]
    lines += [f"wrk.headers[{_quoted(name)}] = {_quoted(value)}" for name, value in headers]
    if body_bytes:
        lines.append(f'wrk.body = string.rep("x", {body_bytes})')
    if body:
        lines.append(f"wrk.body = {_quoted(body.decode('ascii'))}")
    if paths:
        # Formatted once: a request is then only a table look-up in the load generator.
        lines.append("local paths = {" + ", ".join(_quoted(path) for path in paths) + "}")
        lines.append("local requests, turn = {}, 0")
        lines.append("function init(args) for i, path in ipairs(paths) do requests[i] = wrk.format(nil, path) end end")
        lines.append("function request() turn = turn % #requests + 1; return requests[turn] end")
    if numbered:
        lines.append(_NUMBERED.replace("FIELD", _quoted(f"{numbered}: ")))
    if shown is not None:
        start = _quoted(f"{shown.field}: {shown.before}")
        lines.append(_SHOWN.replace("FIELD", start).replace("FILE", _quoted(str(shown.values))))
    return "\n".join(lines) + "\n" + _DONE


def run(url: str, lua: Path, seconds: float, connections: int) -> Load:
    """Send requests for a time and return the counts.

    Raises:
        LoadFailed: wrk is missing, ended with an error, or hung.
    """
    whole = max(1, round(seconds))  # wrk takes whole seconds only
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{whole}s", "--timeout", "10s", "--latency", "-s", str(lua), url]
    try:
        ended = subprocess.run(argv, capture_output=True, text=True, timeout=whole + 30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LoadFailed(str(error)) from error
    if ended.returncode != 0:
        raise LoadFailed((ended.stderr or ended.stdout).strip())
    return parse(ended.stdout)


def _quoted(text: str) -> str:
    # JSON's escapes for printable ASCII are Lua's too.
    return json.dumps(text)
