"""How `gateway top` looks."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from gateway.commands.top.screen import screen


def figures(**more: Any) -> dict[str, Any]:
    """Some of a gateway with one route and one backend that is down."""
    return {
        "seconds": 1.0,
        "requests_per_second": 1234.5,
        "failed_per_second": 12.3,
        "latency_ms": {"p50": 1.5, "p95": 20.0, "p99": None},
        "cpu": 0.42,
        "statuses": {"2xx": 1222.2, "5xx": 12.3},
        "reasons": [{"reason": "upstream.connect", "per_second": 12.3}],
        "routes": [{"route": "orders", "requests_per_second": 1234.5, "failed_per_second": 12.3, "p99_ms": 25.0}],
        "connections": 20,
        "in_flight": 3,
        "loop_lag_ms": 0.4,
        "memory_bytes": 81_000_000,
        "upstreams": [
            {
                "name": "orders",
                "breaker": "half_open",
                "why": "a probe",
                "panic": True,
                "backends": [backend(1, "up"), backend(2, "down", "Connection refused")],
            }
        ],
        "failures": [failure(number) for number in range(10)],
        **more,
    }


def backend(number: int, state: str, why: str = "") -> dict[str, Any]:
    """One of them."""
    url = f"http://10.0.0.{number}"
    return {"url": url, "state": state, "why": why, "in_flight": 1, "connections": 2, "pending": 2}


def failure(number: int, path: str = "/orders/7") -> dict[str, Any]:
    """An exchange as the list of them has it."""
    time = f"2026-11-29T10:00:{number:02d}.000Z"
    return {
        "time": time,
        "status": 502,
        "reason": None,
        "route": None,
        "method": "GET",
        "path": path,
        "id": f"id-{number}",
    }


def drawn(shown: dict[str, Any], width: int = 140, lines: int = 1000, trouble: str = "") -> str:
    """What a terminal gets, without colours."""
    console = Console(width=width, markup=False, highlight=False, emoji=False)
    with console.capture() as captured:
        console.print(screen(shown, "http://127.0.0.1:9090", lines, trouble))
    return captured.get()


def test_all_of_it() -> None:
    """Traffic, routes, backends with the sick ones first, failures."""
    text = drawn(figures())

    assert "1,234 requests/s   12.3 failed/s (1.0 %)   p50 1.5 ms   p95 20 ms   p99 -" in text
    assert "2xx 1,222/s   5xx 12.3/s   upstream.connect 12.3/s" in text
    assert "20 connections   3 in flight   42 % of a core   81 MB   loop lag 0.4 ms" in text
    assert text.index("10.0.0.2") < text.index("10.0.0.1")
    assert "orders (breaker half-open) (panic)" in text
    assert "1 + 2 waiting" in text
    assert "(by the backend)" in text
    assert "id-9" in text


def test_before_there_are_rates() -> None:
    """It says that it needs another look."""
    text = drawn(figures(requests_per_second=None, latency_ms=None, cpu=None, routes=[], statuses={}, reasons=[]))
    assert "one more look is needed" in text


def test_it_fits_a_small_terminal() -> None:
    """No line is wrapped, and there are no more lines than there is room for."""
    upstreams = [
        {
            "name": "many",
            "breaker": None,
            "why": "",
            "panic": False,
            "backends": [backend(number, "up") for number in range(50)],
        }
    ]
    routes = [
        {"route": f"route {number}", "requests_per_second": 1.0, "failed_per_second": 0.0, "p99_ms": None}
        for number in range(20)
    ]

    lines = drawn(figures(upstreams=upstreams, routes=routes), width=80, lines=24).splitlines()

    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert any("more that are up" in line for line in lines)


def test_old_figures_say_that_they_are_old() -> None:
    """While the gateway does not answer."""
    assert "does not answer; these figures are old" in drawn(
        figures(), trouble="it does not answer; these figures are old"
    )


def test_what_clients_send_does_nothing_to_the_terminal() -> None:
    """Nor does it become markup."""
    text = drawn(figures(failures=[failure(1, "/\x1b[2J[bold]x")]))
    assert "\x1b[2J" not in text
    assert r"GET /\x1b[2J[bold]x" in text
