"""WebAssembly modules as plugins: what they see and change, and what they cannot do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import capturedLogs

from gateway.config import ConfigError
from gateway.testing import Harness

pytest.importorskip("wasmtime")

FUNCTIONS = """
  (import "gateway" "get" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (import "gateway" "set" (func $set (param i32 i32 i32 i32 i32)))
  (import "gateway" "add" (func $add (param i32 i32 i32 i32 i32)))
  (import "gateway" "remove" (func $remove (param i32 i32 i32)))
  (import "gateway" "answer" (func $answer (param i32 i32 i32)))
  (import "gateway" "log" (func $log (param i32 i32)))
"""


class Text:
    """Puts texts into a module's memory; `text` gives the two numbers that stand for one."""

    def __init__(self) -> None:
        self.data: list[str] = []
        self._next = 1024

    def __call__(self, words: str) -> str:
        place, self._next = self._next, self._next + len(words) + 1
        escaped = "".join(f"\\{ord(one):02x}" for one in words)
        self.data.append(f'(data (i32.const {place}) "{escaped}")')
        return f"(i32.const {place}) (i32.const {len(words)})"


def module(more: str, text: Text, pages: str = "1") -> str:
    """A module with these functions."""
    return f'(module {FUNCTIONS} (memory (export "memory") {pages}) {" ".join(text.data)} {more})'


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Harness]]:
    """Make a gateway with a module on its route."""
    made: list[Harness] = []

    def gateway(source: str | bytes, config: dict[str, Any] | None = None, **more: Any) -> Harness:
        file = tmp_path / f"{len(made)}.wasm"
        file.write_bytes(source if isinstance(source, bytes) else source.encode())
        plugin = {"name": "m", "class": f"wasm:{file}", "config": config or {}, **more}
        route = {"name": "orders", "path": "/orders/*", "upstream": "orders", "plugins": ["m"]}
        made.append(Harness("orders", plugins=[plugin], routes=[route]))
        return made[-1]

    yield gateway
    for harness in made:
        harness.hang_up()
        harness.advance(46)
        harness.check_quiet()


def test_fields_both_ways(make: Callable[..., Harness]) -> None:
    """What it reads, sets, adds and takes out; what it keeps from hook to hook is of one exchange."""
    text = Text()
    body = f"""
      (global $count (mut i32) (i32.const 48))
      (func (export "on_request") (local $n i32)
        (local.set $n (call $get (i32.const 0) {text("x-asked")} (i32.const 0) (i32.const 100)))
        (call $set (i32.const 0) {text("X-Said")} (i32.const 0) (local.get $n))
        (call $remove (i32.const 0) {text("X-Gone")})
        (local.set $n (call $get (i32.const 3) {text("value")} (i32.const 0) (i32.const 100)))
        (call $add (i32.const 0) {text("X-Value")} (i32.const 0) (local.get $n))
        (call $set (i32.const 2) {text("target")} {text("/other?a=b")})
        (global.set $count (i32.add (global.get $count) (i32.const 1))))
      (func (export "on_response") (local $n i32)
        (global.set $count (i32.add (global.get $count) (i32.const 1)))
        (i32.store8 (i32.const 0) (global.get $count))
        (call $set (i32.const 1) {text("X-Count")} (i32.const 0) (i32.const 1))
        (local.set $n (call $get (i32.const 2) {text("client_ip")} (i32.const 0) (i32.const 100)))
        (call $set (i32.const 1) {text("X-Client")} (i32.const 0) (local.get $n))
        (local.set $n (call $get (i32.const 2) {text("status")} (i32.const 0) (i32.const 100)))
        (call $add (i32.const 1) {text("X-Status")} (i32.const 0) (local.get $n))
        (call $set (i32.const 2) {text("status")} {text("203")}))
    """
    gateway = make(module(body, text), {"value": "mine"})

    for _ in range(2):
        response = gateway.get("/orders/1", X_Asked="this", X_Gone="1")

        asked = gateway.backend("orders").last
        assert asked.target == b"/other?a=b"
        names = (b"x-said", b"x-gone", b"x-value")
        assert [asked.headers.get(name) for name in names] == [b"this", None, b"mine"]
        assert response.status == 203
        names = (b"x-count", b"x-client", b"x-status")
        assert [response.headers.get(name) for name in names] == [b"2", b"192.0.2.1", b"200"]


def test_an_answer(make: Callable[..., Harness]) -> None:
    """With fields; the backend is not asked."""
    text = Text()
    body = f"""(func (export "on_request")
      (call $answer (i32.const 403) {text("not you")})
      (call $set (i32.const 1) {text("X-Why")} {text("because")}))"""
    gateway = make(module(body, text))

    response = gateway.get("/orders/1")

    assert (response.status, response.body, response.headers.get(b"x-why")) == (403, b"not you", b"because")
    assert gateway.backend("orders").requests == []


def hook(body: str) -> Callable[[Text], str]:
    """A module whose hook does this."""
    return lambda text: module(f'(func (export "on_request") {body})', text)


FAULTS: dict[str, Callable[[Text], str]] = {
    "spins": hook("(loop br 0)"),
    "recurses": lambda text: module('(func $f (export "on_request") (call $f))', text),
    "traps": hook("unreachable"),
    "reads_outside": hook("(call $log (i32.const 65530) (i32.const 100))"),
    "reads_far_outside": hook("(call $log (i32.const -1) (i32.const -1))"),
    "writes_outside": lambda text: module(
        f"""(func (export "on_request")
          (drop (call $get (i32.const 2) {text("method")} (i32.const 65535) (i32.const 100))))""",
        text,
    ),
    "answers_nonsense": hook("(call $answer (i32.const 7) (i32.const 0) (i32.const 0))"),
    "smuggles": lambda text: module(
        f"""(func (export "on_request")
          (call $set (i32.const 0) {text("X-A")} {text("a" + chr(13) + chr(10) + "X-Smuggled: 1")}))""",
        text,
    ),
    "fills_the_log": hook("(loop (call $log (i32.const 0) (i32.const 1000)) br 0)"),
    "fills_the_memory": lambda text: module(
        f"""(func (export "on_request")
          (loop (call $add (i32.const 0) {text("X-A")} (i32.const 0) (i32.const 60000)) br 0))""",
        text,
    ),
    "keeps_the_gateway_busy": lambda text: module(
        f"""(func (export "on_request")
          (loop (drop (call $get (i32.const 2) {text("method")} (i32.const 0) (i32.const 100))) br 0))""",
        text,
    ),
    "answers_without_end": hook("(loop (call $answer (i32.const 200) (i32.const 0) (i32.const 65536)) br 0)"),
    "asks_for_no_place": hook("(call $remove (i32.const 9) (i32.const 0) (i32.const 1))"),
    "asks_before_the_answer": hook("(call $remove (i32.const 1) (i32.const 0) (i32.const 1))"),
    "takes_a_whole_upstream": lambda text: module(
        f'(func (export "on_request") (call $set (i32.const 2) {text("upstream")} {text("nowhere")}))', text
    ),
}


@pytest.mark.parametrize("on_error", ["continue", "reject"])
def test_faults(tmp_path: Path, on_error: str) -> None:
    """They are those of a plugin: the exchange goes on without it, or is refused, and no other one notices."""
    plugins, routes = [], []
    for name, source in FAULTS.items():
        (tmp_path / name).write_text(source(Text()))
        bounds = {"fuel": 100_000}
        plugins.append({"name": name, "class": f"wasm:{tmp_path / name}", "on_error": on_error, "wasm": bounds})
        routes.append({"name": name, "path": f"/{name}", "upstream": "orders", "plugins": [name]})
    gateway = Harness("orders", plugins=plugins, routes=routes)

    for name in [*FAULTS, *FAULTS]:
        response = gateway.get(f"/{name}")

        assert response.status == (200 if on_error == "continue" else 500), name
        assert gateway.last_log["plugin_errors"].startswith(f"{name}.on_request=")
    asked = gateway.backend("orders").requests
    assert [one.headers.get(b"x-smuggled") for one in asked] == [None] * len(asked)
    gateway.check_quiet()


def test_what_is_asked_of_the_gateway_is_paid_for(make: Callable[..., Harness]) -> None:
    """A call costs thousands of instructions and an octet one: lines and octets of a hook are bounded by its fuel."""
    lines = module('(func (export "on_request") (loop (call $log (i32.const 0) (i32.const 10)) br 0))', Text())
    with capturedLogs() as logs:
        assert make(lines, wasm={"fuel": 200_000}).get("/orders/1").status == 200
    assert 0 < sum(one["log_namespace"] == "gateway.plugin.m" and "words" in one for one in logs) <= 4

    text = Text()
    fields = f"""(func (export "on_request")
      (loop (call $add (i32.const 0) {text("X-A")} {text("a" * 1000)}) br 0))"""
    gateway = make(module(fields, text), wasm={"fuel": 200_000})
    assert gateway.get("/orders/1").status == 200
    assert 0 < sum(field[0] == b"x-a" for field in gateway.backend("orders").last.headers.fields) <= 200_000 / 6_000


@pytest.mark.parametrize("body", ["(loop br 0)", "(loop (drop (memory.grow (i32.const 0))) br 0)"])
def test_time_has_a_bound(make: Callable[..., Harness], body: str) -> None:
    """Whatever fuel there is: what takes longer than it costs, or a hook whose fuel is more than anybody waits for."""
    source = module(f'(func (export "on_request") {body})', Text())

    gateway = make(source, wasm={"fuel": 2_000_000_000, "time": "50ms"}, on_error="reject")

    assert gateway.get("/orders/1").status == 500
    assert gateway.last_log["plugin_errors"] == "m.on_request=Trap"


def test_a_start_has_the_same_bounds(make: Callable[..., Harness]) -> None:
    """It is run when the configuration is read."""
    endless = '(module (memory (export "memory") 1) (func $f (loop br 0)) (start $f) (func (export "on_request")))'
    with pytest.raises(ConfigError, match="interrupt"):
        make(endless, wasm={"fuel": 2_000_000_000, "time": "50ms"})


def test_memory_has_a_bound(make: Callable[..., Harness]) -> None:
    """Growing beyond it fails, as the module is told; what begins beyond it is refused."""
    text = Text()
    grown = f"""(func (export "on_request")
      (if (i32.eq (memory.grow (i32.const 100)) (i32.const -1))
        (then (call $answer (i32.const 507) {text("no room")}))))"""
    assert make(module(grown, text), wasm={"memory": "1MiB"}).get("/orders/1").status == 507
    assert make(module(grown, text), wasm={"memory": "16MiB"}).get("/orders/1").status == 200
    with pytest.raises(ConfigError, match="memory"):
        make(module(grown, text, "100"), wasm={"memory": "1MiB"})


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"\0asm junk", "failed to parse"),
        ("(module", "expected"),
        ('(module (memory (export "memory") 1))', "none of on_request"),
        ('(module (func (export "on_request")))', "exports no `memory`"),
        (
            '(module (import "wasi_snapshot_preview1" "fd_write" (func)) (memory (export "memory") 1))',
            "unknown import: `wasi_snapshot_preview1::fd_write`",
        ),
        ("", "an empty file"),
        (
            '(module (memory (export "memory") 1) (func (export "on_request") (param i32)))',
            r"without arguments and results: it is a function \(i32\) -> \(\)",
        ),
        (
            '(module (memory (export "memory") 1) (func (export "on_finish") (result i32) (i32.const 1)))',
            r"it is a function \(\) -> \(i32\)",
        ),
        ('(module (memory (export "memory") 1) (global (export "on_request") i32 (i32.const 1)))', "it is a global"),
        (
            '(module (func (export "memory")) (func (export "on_request")))',
            r"whose `memory` is no memory of 32 bits: it is a function \(\) -> \(\)",
        ),
        ('(module (memory (export "memory") i64 1) (func (export "on_request")))', "it is a memory of 64 bits"),
        (
            '(module (memory (export "memory") 1 1 shared) (func (export "on_request")))',
            "it is a memory that is shared",
        ),
        ('(module (func (export "get")))', "none of on_request, on_response, on_finish, but `get`"),
        (
            (
                '(module (import "gateway" "get" (func (param i32)))'
                ' (memory (export "memory") 1) (func (export "on_request")))'
            ),
            "incompatible import type for `gateway::get`",
        ),
        (
            (
                '(module (import "gateway" "remove" (func $r (param i32 i32 i32))) (memory (export "memory") 1)'
                " (func $f (call $r (i32.const 0) (i32.const 0) (i32.const 1))) (start $f)"
                ' (func (export "on_request")))'
            ),
            "there is no exchange while a module begins",
        ),
        ('(module (memory (export "memory") 1) (func $f (loop br 0)) (start $f) (func (export "on_request")))', "fuel"),
    ],
)
def test_a_file_that_is_no_plugin(make: Callable[..., Harness], source: str | bytes, words: str) -> None:
    """Refuses the configuration, at its place."""
    with pytest.raises(ConfigError, match=words) as raised:
        make(source)
    (problem,) = raised.value.problems
    assert (problem.file, problem.path) == ("mapping.json", "plugins[0].class")
    assert problem.line > 1


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Likewise."""
    plugin = {"name": "m", "class": f"wasm:{tmp_path / 'none.wasm'}"}
    with pytest.raises(
        ConfigError, match=r"mapping.json:\d+:\d+: plugins\[0\].class: m: expected a module .*No such file"
    ):
        Harness("a", plugins=[plugin], routes=[{"path": "/", "upstream": "a", "plugins": ["m"]}])


def test_a_module_that_has_changed(make: Callable[..., Harness], tmp_path: Path) -> None:
    """Is taken with the next reload; the file is watched, as all are that the configuration names."""
    text = Text()
    gateway = make(module(f'(func (export "on_request") (call $answer (i32.const 403) {text("")}))', text))
    assert gateway.get("/orders/1").status == 403
    (tmp_path / "0.wasm").write_text(
        module(f'(func (export "on_request") (call $answer (i32.const 404) {text("")}))', text)
    )

    gateway.apply()

    assert gateway.get("/orders/1").status == 404


def test_the_module_of_the_page(make: Callable[..., Harness]) -> None:
    """It does what it is shown for."""
    page = (Path(__file__).parents[2] / "docs/plugins.md").read_text()
    source = page.partition("```wat\n")[2].partition("```")[0]

    assert make(source).get("/orders/1").headers.get(b"x-handled-by") == b"wasm"
