"""WebAssembly modules as plugins: `class: wasm:FILE`. What they may see and change is in docs/plugins.md.

# Note [A module's instance]
Each exchange has an instance of its own, with memory of its own: what a module keeps of one exchange no other one can
read, and what it forgets to free goes with it. It lives from the first hook to the last one of the exchange. Each hook
has `fuel`: a loop without end ends there, within some milliseconds, since the reactor waits meanwhile; and `time`, for
instructions that take longer than they cost (`gateway.middleware.wasm_watch`). The memory grows up to its bound, and no
further.
What the module asks of the gateway is paid for as well (D-489): wasmtime counts the module's own instructions only, and
one instruction may have the gateway copy a megabyte, keep it as a field, or write a line to the log.
A module has no clock, no files, no sockets: it gets the functions below and nothing else. The guard around all plugins
(`gateway.middleware.plugin`) sees to the rest: a trap is a fault, a field with a line end in it is not taken.

Not compiled: wasmtime calls back by ctypes, and what runs here is a module's. It is loaded with the first module.

Tests: `tests/middleware/test_wasm.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from gateway.exchange import Exchange
from gateway.headers import Headers
from gateway.message import Response
from gateway.middleware.wasm_watch import TICKS, watch

REQUEST, RESPONSE, EXCHANGE, CONFIG = 0, 1, 2, 3
"""The first argument of `get`, `set`, `add` and `remove`: fields of the request, fields of the answer, and so on."""

NONE = -1
"""What `get` returns where there is no such value."""

LONGEST = 1024 * 1024
"""Octets that a module may hand over at once."""

CALL = 5_000
"""Fuel that a call of the gateway costs: some ten microseconds, as that many instructions take; an octet costs one."""

LINE = 50_000
"""Fuel that a line in the log costs: two hundred are the most that a hook with the default can write."""

HOOKS = ("on_request", "on_response", "on_finish")


class WrongModule(Exception):
    """A file is no module, or not one that could be a plugin; the text ends the sentence "found …"."""


class OutOfFuel(Exception):
    """A module has asked more of the gateway than its hook has fuel for."""


class WasmPlugin:
    """A module, with the hooks that it exports (`gateway.plugin`).

    Args:
        octets: A module, binary or as text.
        config: What the configuration says; the module asks for it by key.
        fuel: What each hook may use up; about one for each instruction.
        memory: Octets that an instance may have.
        time: Seconds of the processor that each hook may take.
        log: Takes what the module says.

    Raises:
        WrongModule: It cannot be a plugin.
    """

    def __init__(
        self, octets: bytes, config: dict[str, Any], fuel: int, memory: int, time: float, log: Callable[[str], None]
    ) -> None:
        import wasmtime

        settings = wasmtime.Config()
        settings.consume_fuel = True
        settings.epoch_interruption = True
        self._wasmtime: Any = wasmtime
        self._engine = wasmtime.Engine(settings)
        self._config = {key: _text(value) for key, value in config.items()}
        self._fuel = fuel
        self._memory = memory
        self._time = time
        self._log = log
        self._exchange: Exchange | None = None
        self._answer: Response | None = None
        self._store: Any = None  # of the instance that runs: who calls has to pay
        self._key = f"gateway.wasm.{id(self)}"
        if not octets.strip():
            raise WrongModule("an empty file")
        try:
            self._module = wasmtime.Module(self._engine, octets if octets.startswith(b"\0asm") else octets.decode())
            self._linker = self._functions()
            exported = self._exported()
            self._instance()  # whether it imports anything else is seen now
        except (wasmtime.WasmtimeError, wasmtime.Trap, ValueError, OutOfFuel) as error:
            raise WrongModule(" ".join(str(error).split())[:300]) from error
        if "memory" not in exported or exported.keys().isdisjoint(HOOKS):
            names = ", ".join(f"`{one}`" for one in exported) or "nothing"
            raise WrongModule(f"a module that exports no `memory`, or none of {', '.join(HOOKS)}, but {names}")
        if "on_request" in exported:
            self.on_request = self._on_request
        if "on_response" in exported:
            self.on_response = self._on_response
        self._finishes = "on_finish" in exported

    def _on_request(self, exchange: Exchange) -> Response | None:
        return self._call("on_request", exchange)

    def _on_response(self, exchange: Exchange) -> None:
        self._call("on_response", exchange)

    def on_finish(self, exchange: Exchange) -> None:
        """Let the module know, and let go of its instance."""
        if self._finishes:
            self._call("on_finish", exchange)
        exchange.state.pop(self._key, None)

    def _call(self, hook: str, exchange: Exchange) -> Response | None:
        """Run a hook; returns the answer that it has made."""
        state = exchange.state
        place = state.get(self._key)
        if place is None:
            place = state[self._key] = self._instance()
        store, exports = place
        store.set_fuel(self._fuel)
        store.set_epoch_deadline(TICKS)
        before = self._exchange, self._answer, self._store
        self._exchange, self._answer, self._store = exchange, None, store
        watched = watch.begin(self._engine, self._time)
        try:
            exports[hook](store)
            return self._answer if hook == "on_request" else None
        finally:
            watch.end(watched)
            self._exchange, self._answer, self._store = before

    def _instance(self) -> tuple[Any, Any]:
        store = self._wasmtime.Store(self._engine)
        store.set_fuel(self._fuel)
        store.set_limits(memory_size=self._memory, instances=1, memories=1, tables=4, table_elements=10_000)
        store.set_epoch_deadline(TICKS)
        before, self._store = self._store, store
        watched = watch.begin(self._engine, self._time)
        try:
            return store, self._linker.instantiate(store, self._module).exports(store)
        finally:
            watch.end(watched)
            self._store = before

    def _exported(self) -> dict[str, Any]:
        """Return what the module exports.

        Raises:
            WrongModule: One of those that it has to is of another kind: each exchange would find that out.
        """
        library = self._wasmtime
        found = {one.name: one.type for one in self._module.exports}
        for name, kind in found.items():
            if name in HOOKS and not (isinstance(kind, library.FuncType) and not kind.params and not kind.results):
                raise WrongModule(
                    f"a module whose `{name}` is no function without arguments and results: it is {_kind(kind)}"
                )
            if name == "memory" and not (
                isinstance(kind, library.MemoryType) and not kind.is_64 and not kind.is_shared
            ):
                raise WrongModule(f"a module whose `memory` is no memory of 32 bits: it is {_kind(kind)}")
        return found

    def _pay(self, octets: int, more: int = 0) -> None:
        """Take fuel for what the gateway does.

        Raises:
            OutOfFuel: There is not so much left.
        """
        store = self._store
        left = store.get_fuel() - CALL - octets - more
        if left < 0:
            raise OutOfFuel("all fuel consumed by calls of the gateway")
        store.set_fuel(left)

    # What a module may call. Numbers are i32; texts are a place in its memory and a length.

    def _functions(self) -> Any:
        library = self._wasmtime
        linker, i32 = library.Linker(self._engine), library.ValType.i32()
        for name, arguments, results, function in (
            ("get", 5, 1, self._get),
            ("set", 5, 0, self._set),
            ("add", 5, 0, self._add),
            ("remove", 3, 0, self._remove),
            ("answer", 3, 0, self._answer_with),
            ("log", 2, 0, self._say),
        ):
            kind = library.FuncType([i32] * arguments, [i32] * results)
            linker.define_func("gateway", name, kind, function, access_caller=True)
        return linker

    def _get(self, caller: Any, what: int, name: int, length: int, buffer: int, size: int) -> int:
        """Write as much of a value as there is room for; returns how long it is."""
        key = _read(caller, name, length)
        value = self._value(what, key)
        if value is None:
            self._pay(len(key))
            return NONE
        self._pay(len(key) + len(value))
        _write(caller, buffer, value[: _unsigned(size)])
        return len(value)

    def _set(self, caller: Any, what: int, name: int, length: int, value: int, size: int) -> None:
        """Put a value in the place of what there is."""
        key, new = self._two(caller, name, length, value, size)
        exchange = self._now()
        if what == EXCHANGE:
            self._put(exchange, key, new)
        else:
            self._drop(what, key)
            self._append(exchange, what, key, new)

    def _add(self, caller: Any, what: int, name: int, length: int, value: int, size: int) -> None:
        """Add a field beside those that there are."""
        key, new = self._two(caller, name, length, value, size)
        self._append(self._now(), what, key, new)

    def _remove(self, caller: Any, what: int, name: int, length: int) -> None:
        """Take a field out."""
        key = _read(caller, name, length)
        self._pay(len(key))
        self._drop(what, key)

    def _answer_with(self, caller: Any, status: int, body: int, size: int) -> None:
        """Answer the request; fields of the answer are set after it."""
        content = _read(caller, body, size)
        self._pay(len(content))
        self._answer = Response(status, Headers(), content)

    def _say(self, caller: Any, text: int, size: int) -> None:
        """Say something in the log."""
        words = _read(caller, text, min(_unsigned(size), 1000))
        self._pay(len(words), LINE)
        self._log(words.decode("utf-8", "backslashreplace"))

    def _two(self, caller: Any, name: int, length: int, value: int, size: int) -> tuple[bytes, bytes]:
        key, new = _read(caller, name, length), _read(caller, value, size)
        self._pay(len(key) + len(new))
        return key, new

    # What that means for the exchange.

    def _now(self) -> Exchange:
        if self._exchange is None:
            raise ValueError("there is no exchange while a module begins")
        return self._exchange

    def _value(self, what: int, name: bytes) -> bytes | None:
        if what == CONFIG:
            said = self._config.get(name.decode("utf-8", "replace"))
            return None if said is None else said.encode()
        exchange = self._now()
        if what == EXCHANGE:
            return _about(exchange, name.decode("utf-8", "replace"))
        return _fields(exchange, what, self._answer).get(name)

    def _put(self, exchange: Exchange, key: bytes, new: bytes) -> None:
        if key == b"target":
            request = exchange.request
            request.target = new
            request.path, _, request.query = new.partition(b"?")
        elif key == b"upstream":
            exchange.upstream = new.decode()
        elif key == b"status" and exchange.response is not None:
            exchange.response.status = int(new)
        else:
            raise ValueError(f"nothing of an exchange that can be set: {key!r:.80}")

    def _append(self, exchange: Exchange, what: int, key: bytes, new: bytes) -> None:
        if what == REQUEST:
            exchange.headers_out.append((key, new))
        else:
            _fields(exchange, what, self._answer).add(key, new)

    def _drop(self, what: int, key: bytes) -> None:
        exchange = self._now()
        _fields(exchange, what, self._answer).remove(key)
        if what == REQUEST:
            lower = key.lower()
            exchange.headers_out = [field for field in exchange.headers_out if field[0].lower() != lower]


def _kind(kind: Any) -> str:
    """Say what an export is."""
    name = type(kind).__name__.removesuffix("Type").lower()
    if name == "func":
        arguments, results = (" ".join(map(str, one)) for one in (kind.params, kind.results))
        return f"a function ({arguments}) -> ({results})"
    if name == "memory":
        return "a memory of 64 bits" if kind.is_64 else "a memory that is shared"
    return f"a {name}"


def _fields(exchange: Exchange, what: int, answer: Response | None) -> Headers:
    if what == REQUEST:
        return exchange.request.headers
    response = answer or exchange.response
    if what == RESPONSE and response is not None:
        return response.headers
    raise ValueError("there is no answer yet" if what == RESPONSE else f"no place for fields: {what}")


def _about(exchange: Exchange, name: str) -> bytes | None:
    """Return what an exchange has by a name."""
    if name.startswith("claim."):
        claims = {} if exchange.principal is None else exchange.principal.claims
        claim = claims.get(name.removeprefix("claim."))
        return None if claim is None else _text(claim).encode()
    request, response = exchange.request, exchange.response
    found: dict[str, bytes | str | None] = {
        "method": request.method,
        "target": request.target,
        "host": request.host,
        "client_ip": exchange.client_address,
        "request_id": exchange.request_id,
        "route": None if exchange.route is None else exchange.route.name,
        "user": exchange.user,
        "upstream": exchange.upstream,
        "status": None if response is None else str(response.status),
    }
    value = found.get(name)
    return value.encode() if isinstance(value, str) else value


def _text(value: Any) -> str:
    """Return a value as a module gets it: texts as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _unsigned(number: int) -> int:
    return number & 0xFFFFFFFF


def _place(caller: Any, place: int, size: int) -> tuple[Any, int, int]:
    """Return a module's memory, and a piece of it.

    Raises:
        ValueError: The piece is not in it, or is too long.
    """
    memory = caller.get("memory")
    if not hasattr(memory, "data_len"):
        raise ValueError("the module has no memory")
    start, length = _unsigned(place), _unsigned(size)
    if length > LONGEST or start + length > memory.data_len(caller):
        raise ValueError(f"{length} octets at {start} are not in the module's memory, or too many at once")
    return memory, start, start + length


def _read(caller: Any, place: int, size: int) -> bytes:
    memory, start, end = _place(caller, place, size)
    return bytes(memory.read(caller, start, end))


def _write(caller: Any, place: int, octets: bytes) -> None:
    memory, start, _ = _place(caller, place, len(octets))
    memory.write(caller, octets, start)
