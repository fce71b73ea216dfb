"""`gateway simulate`: what it prints, writes and exits with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from gateway import cli
from gateway.commands.simulate.text import parse_share, sparkline
from gateway.config.problems import Unexpected

CONFIGURATION = """\
upstreams:
  - name: orders
    backends: [{url: "http://127.0.0.1:9001"}, {url: "http://127.0.0.1:9002"}]
    circuit_breaker: {failure_threshold: 5}
routes:
  - {name: orders, path: /orders/:id, upstream: orders}
  - {name: own, path: /own, respond: {body: ok}}
"""


def run(*arguments: object, color: bool = False, **environment: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli.main, ["simulate", *map(str, arguments)], color=color, env=environment)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration."""
    path = tmp_path / "g.yaml"
    path.write_text(CONFIGURATION)
    return path


def document(*arguments: object) -> Any:
    """Return what it says as JSON."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_it_tells_what_clients_notice(file: Path) -> None:
    """By route and by backend, over time, and what the gateway did about it."""
    result = run(file, "--for", "1m", "--fault", "orders[1]:down@20s+20s", "--service", "20ms")

    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].startswith(f"{file}: 1m of traffic (20/s), seed 1, played in ")
    words = {line.split()[0]: line.split() for line in lines if line.strip()}
    assert words["all"][1:] == words["orders"][1:]
    assert words["all"][-1] == "ms"
    assert float(words["all"][2]) == pytest.approx(4 / 1218 * 100, abs=0.01)
    assert words["orders[0]"][-1] == "http://127.0.0.1:9001"
    assert any(line.startswith("answers  200 1,214   502 4") for line in lines)
    assert any(line.startswith("reasons  upstream.connect 4") for line in lines)
    assert any(line.startswith("requests/s   ") and "▇" in line for line in lines)
    assert any("0:20.0  fault.begins  orders[1] is down" in line for line in lines)
    assert any("breaker.open" in line and "5 failures in a row" in line for line in lines)


def test_json_has_all_of_it(file: Path) -> None:
    """In seconds and shares."""
    told = document(file, "--for", "30s", "--service", "20ms", "--fault", "orders[0]:errors=10%@10s")

    assert (told["seconds"], told["seed"], told["load"]) == (30.0, 1, "20/s")
    assert told["all"]["requests"] == sum(told["statuses"].values()) == told["routes"]["orders"]["requests"]
    assert 0 < told["all"]["failed"] == told["statuses"]["500"] == told["backends"]["orders[0]"]["failed"]
    assert told["all"]["latency"]["max"] == pytest.approx(0.02, abs=1e-4)
    assert len(told["columns"]) == 60
    assert sum(one["backends"]["orders[1]"] for one in told["columns"]) == told["backends"]["orders[1]"]["requests"]
    assert told["events"] == [
        {"at": 10.0, "event": "fault.begins", "message": "orders[0] answers 10 % with 500"},
    ]
    assert told["missed"] == []


def test_the_same_seed_says_the_same(file: Path) -> None:
    """To the last digit; another one something else."""
    one, again, other = (document(file, "--for", "20s", "--seed", seed) for seed in (1, 1, 2))

    assert one == again
    assert one["all"] != other["all"]


@pytest.mark.parametrize(
    ("bounds", "code", "words"),
    [
        (["--max-errors", "5%", "--max-p99", "100ms"], 0, ""),
        (["--max-errors", "0%"], 1, "failed, and 0.00 % may (--max-errors)"),
        (["--max-p99", "10ms"], 1, "missed: the 99th percentile is 20 ms, and may be 10 ms (--max-p99)"),
    ],
)
def test_bounds_that_are_missed_are_exit_code_1(file: Path, bounds: list[str], code: int, words: str) -> None:
    """For CI; each is told."""
    result = run(file, "--for", "20s", "--service", "20ms", "--fault", "orders:errors=3%", *bounds)

    assert result.exit_code == code
    assert words in result.output
    assert ("\nmissed: " in result.output) is bool(code)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--load", "fast"], "cannot read fast: No such file or directory"),
        (["--load", "20"], "'--load': expected a rate such as 20/s"),
        (["--for", "long"], "'--for': expected a duration"),
        (["--fault", "orders:sad"], "'--fault': expected WHO:WHAT"),
        (["--fault", "orders[2]:down"], "expected a backend of orders, from orders[0] to orders[1], found orders[2]"),
        (["--fault", "orders:down@10m"], "orders is down from 10m on: by then all is over (10m)"),
        (["--service", "users:20ms"], "expected the name of an upstream (orders), found 'users'"),
        (["--service", "p50=1s"], "'--service': expected [UPSTREAM:]TIME"),
        (["--request", "curl -X"], "'--request'"),
        (["--as", "{"], "'--as': expected claims as a JSON object"),
        (["--max-errors", "2"], "'--max-errors': expected a share such as 0.5%"),
        (["--max-p99", "0s"], "'--max-p99': expected a duration above 0s"),
        (["--load", "g.log", "--load", "1/s"], "a log is all the load there is"),
        (["--load", "g.log", "--request", "http://x/"], "a log says what is asked"),
    ],
)
def test_what_cannot_be_understood_is_exit_code_2(file: Path, arguments: list[str], words: str) -> None:
    """With the option, what was wanted and what was there."""
    result = run(file, *arguments)

    assert result.exit_code == 2
    assert words in " ".join(result.output.split())


def test_a_configuration_that_cannot_be_used_is_exit_code_2(file: Path) -> None:
    """As everywhere, with its lines."""
    file.write_text(CONFIGURATION.replace("respond", "answer"))

    result = run(file)

    assert result.exit_code == 2
    assert f"{file}:7:" in result.output


def test_where_nothing_can_be_asked_a_request_has_to_be_said(tmp_path: Path) -> None:
    """Not every regular expression says what it is for."""
    path = tmp_path / "g.yaml"
    path.write_text(CONFIGURATION.replace("path: /orders/:id", r'path: "~^/\\p{Greek}+$"'))

    assert "say it with --request" in " ".join(run(path).output.split())
    told = document(path, "--for", "10s", "--request", "3x http://x/own", "--request", "http://x/nothing")

    assert told["routes"]["own"]["requests"] > 2 * told["routes"][""]["requests"] > 0
    assert told["reasons"] == {"route.none": told["statuses"]["404"]}


def test_what_is_not_asked_is_noted(file: Path) -> None:
    """A route of which it cannot be told what to ask."""
    file.write_text(CONFIGURATION + '  - {name: odd, path: "~^/\\\\p{Greek}$", upstream: orders}\n')

    result = run(file, "--for", "5s")

    assert "note: nothing is asked of the route odd: say it with --request" in result.output


def test_redis_is_gone(file: Path) -> None:
    """Where limits are counted in it: the store says so, and what passes without a count is for the configuration."""
    limit = "rate_limit: {requests: 1000, window: 60s}}"
    text = CONFIGURATION.replace("upstream: orders}", f"upstream: orders, {limit}")
    file.write_text(text + "rate_limit_store: redis\non_store_failure: closed\n")

    result = run(file, "--for", "1m", "--fault", "redis:down@30s+10s")

    assert result.exit_code == 0, result.output
    assert "0:30.0  store.down  Redis at 127.0.0.1:6379 does not answer: the connection was lost" in result.output
    assert "reasons  limit.unavailable " in result.output


def test_what_is_in_memory_in_place_of_redis_is_noted(file: Path) -> None:
    """No fault of Redis reaches it."""
    keys = "auth: {api_keys: {store: redis, pepper: a-pepper-of-thirty-two-octets-000}}\n"
    file.write_text(CONFIGURATION + keys + "cache_store: redis\n")

    result = run(file, "--for", "5s")
    refused = run(file, "--for", "5s", "--fault", "redis:down")

    assert "note: caches are in memory here, not in Redis" in result.output, result.output
    assert "note: API keys are in memory here, not in Redis" in result.output
    assert refused.exit_code == 2
    assert "expected `rate_limit_store: redis` in the configuration" in " ".join(refused.output.split())


def test_callers_say_who_they_are(tmp_path: Path) -> None:
    """And what is said of all of them."""
    path = tmp_path / "g.yaml"
    path.write_text(
        "auth: {jwt: {default: {algorithms: [HS256], secret: made-up-and-at-least-32-octets-long}}}\n"
        + CONFIGURATION.replace("upstream: orders}", "upstream: orders, auth: {type: jwt, scopes: [read]}}", 1)
    )

    assert set(document(path, "--for", "5s", "--as", '{"scope": "read"}')["statuses"]) == {"200"}
    assert set(document(path, "--for", "5s", "--as", '{"scope": "none"}')["statuses"]) == {"403"}


def test_a_log_is_played(file: Path, tmp_path: Path) -> None:
    """Its requests at its times."""
    log = tmp_path / "access.log"
    log.write_text(
        "".join(
            f'192.0.2.1 - - [01/Jan/2026:00:00:{second:02d} +0000] "GET /orders/{second} HTTP/1.1" 200 2 "-" "x"\n'
            for second in range(40)
        )
    )

    told = document(file, "--load", log)

    assert (told["seconds"], told["load"]) == (40.0, str(log))
    assert told["routes"]["orders"]["requests"] == 40


def test_a_chart_is_written(file: Path, tmp_path: Path) -> None:
    """As SVG, with a line for each backend; what is wrong is shaded in each plot. Where it cannot be, that is told."""
    chart = tmp_path / "chart.svg"
    arguments = [file, "--for", "1m", "--fault", "orders[1]:down@20s+20s", "--fault", "orders[0]:slow=50@50s"]

    assert run(*arguments, "--svg", chart).exit_code == 0

    root = ElementTree.fromstring(chart.read_text())
    names = {"svg": "http://www.w3.org/2000/svg"}
    assert len(root.findall("svg:polyline", names)) == 1 + 1 + 3 + 2
    shades = [(float(one.attrib["x"]), float(one.attrib["width"])) for one in root.findall("svg:rect[@x]", names)]
    wide = 760 - 64 - 28
    assert [round((x - 64) / wide * 60) for x, _ in shades[:2]] == [20, 50]
    assert [round(width / wide * 60) for _, width in shades] == [20, 10] * 4
    words = [one.text for one in root.findall("svg:text", names)]
    assert {"orders[0]", "orders[1]", "p99"} <= set(words)
    assert not any("e+" in word for word in words if word)
    assert run(file, "--for", "1s", "--svg", tmp_path / "no" / "chart.svg").exit_code == 2


def test_there_are_colours_where_they_are_wanted(file: Path) -> None:
    """And none with NO_COLOR."""
    assert "\033[" in run(file, "--for", "2s", color=True).output
    assert "\033[" not in run(file, "--for", "2s", color=True, NO_COLOR="1").output


def test_events_beyond_a_number_are_counted(file: Path) -> None:
    """JSON has them."""
    faults = [word for second in range(15) for word in ("--fault", f"orders[0]:slow=2@{second}s+500ms")]

    result = run(file, "--for", "20s", *faults)

    assert "and 10 more: --json has them" in result.output
    assert len(document(file, "--for", "20s", *faults)["events"]) == 30


def test_bars_are_from_nought_to_the_largest() -> None:
    """What is above nought is never shown as nothing."""
    assert sparkline([0.0, 0.001, 0.5, 1.0]) == " ▁▄█"
    assert sparkline([0.0, 0.0]) == "  "
    assert sparkline([]) == ""


@pytest.mark.parametrize(("said", "share"), [("1%", 0.01), ("0%", 0.0), ("99.5%", 0.995)])
def test_a_share_is_in_percent(said: str, share: float) -> None:
    """Up to 100."""
    assert parse_share(said) == pytest.approx(share)
    for wrong in (said[:-1], f"-1{said}", "101%", "%", "nan%"):
        with pytest.raises(Unexpected):
            parse_share(wrong)
