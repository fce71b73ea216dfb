"""All routes of a configuration, compiled, and the one that a request takes.

Layer 2, asked by `gateway.serving.tree` once per exchange. The order of
preference, most important first: host (exact, longest wildcard, any), path
(segment by segment literal, parameter, rest; then regular expressions, in the
order of the configuration), number of header and query conditions, place in the
configuration. A route whose conditions are not met
makes way for the next best, so a host without a fitting path falls back to the
wildcard hosts and to routes for any host. The method makes no route give way:
the most specific path decides, and where its routes do not take the method no
less specific route does (a route that asks for a token would otherwise be
passed by with another method; D-77).

# Note [Paths that came before]
Which leaf is asked first is decided by host and path alone. It is remembered by
them, once they have come twice: then neither is the path brought to its normal
form nor is the tree walked. What else decides (method, header fields, query) is
asked of the leaf each time, and where none of its routes takes the request, all
is looked up as if nothing were known. Only paths in normal form without escapes
are remembered, which have one reading: of what is remembered nobody asks any more
how servers may read it, and `gateway.routing.agreement` looks up readings that are
no normal form. Nor is anything for hosts that are `RequestAmbiguous`. A table
belongs to one configuration, and so does what it remembers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from gateway.errors import RequestAmbiguous, RouteNotFound
from gateway.headers import Headers
from gateway.http.hosts import bare_host, is_of_dns, normal_host
from gateway.http.idn import for_people, to_ascii
from gateway.http.memo import Memo
from gateway.http.paths import is_normal
from gateway.routing.expression import MARK, Expression
from gateway.routing.pattern import Pattern, folded_pattern, parse_pattern
from gateway.routing.rule import RouteRule, takes
from gateway.routing.tree import Entry, Leaf, Match, Tree

T = TypeVar("T")


class Known(Generic[T]):
    """The first leaf for a host and a path; see Note [Paths that came before].

    Args:
        leaf: Whose routes are asked.
        segments: The path, split at its slashes.
    """

    __slots__ = ("_leaf", "_segments")

    def __init__(self, leaf: Leaf[T], segments: list[bytes]) -> None:
        self._leaf = leaf
        self._segments = segments

    def match(self, method: bytes, headers: Headers, query: bytes) -> Match[T] | None:
        """Return the route of the leaf that takes a request; None where `RouteTable.match` has to be asked.

        Raises:
            MethodNotAllowed: As `RouteTable.match` says.
        """
        entry = self._leaf.find(method, headers, query)
        return None if entry is None else entry.taken(self._segments)


class RouteMemo(Memo[bytes, Known[T]]):
    """What is known, by paths, or by hosts and paths with a NUL between them, which neither has in it."""

    most = 1024
    longest = 512


class _Group(Generic[T]):
    """What changes in one leaf.

    Args:
        host: Of its tree.
        pattern: Its pattern.
    """

    __slots__ = ("fresh", "host", "names", "pattern")

    def __init__(self, host: str | None, pattern: Pattern | Expression) -> None:
        self.host = host
        self.pattern = pattern
        self.names: set[str] = set()
        self.fresh: list[Entry[T]] = []


class RouteTable(Generic[T]):
    """Finds the route of a request.

    Args:
        entries: Rules in the order of the configuration, each with what `match` is to return for it.
        asks_case: Whether `caseless` is needed.
        folds: Whether the paths went through `gateway.http.readings.folded`.

    Attributes:
        caseless: The same routes for paths that went through `gateway.http.readings.folded`; None where nobody asks.

    Raises:
        ValueError: A host, path or condition is not well formed.
    """

    def __init__(
        self,
        entries: Iterable[tuple[RouteRule, T]],
        asks_case: bool = False,
        folds: bool = False,
    ) -> None:
        self._any: Tree[T] = Tree()
        self._exact: dict[bytes, Tree[T]] = {}
        self._wildcard: dict[bytes, Tree[T]] = {}
        self._hosts = False
        self._asks_case = asks_case
        self._folds = folds
        self._known: RouteMemo[T] = RouteMemo()
        self.caseless: RouteTable[T] | None = RouteTable((), folds=True) if asks_case else None
        for rule, value in entries:
            self.add(rule, value)

    def add(self, rule: RouteRule, value: T) -> None:
        """Put a route behind those that are there; nothing may have been looked up yet.

        Raises:
            ValueError: Its host, path or a condition is not well formed.
        """
        if self.caseless is not None:
            self.caseless.add(rule, value)
        self._tree(rule.host).add(rule, _read(rule.path, self._asks_case, self._folds), value)
        self._hosts = bool(self._exact or self._wildcard)

    def changed(
        self, gone: Iterable[RouteRule], fresh: Iterable[tuple[RouteRule, T]], places: Mapping[int, int]
    ) -> RouteTable[T]:
        """Return a table without some routes and with others; it shares all else with this one, which does not change.

        Those that stay must have the order that they had.

        Args:
            gone: All rules of each route that is in here and is not to be in the other.
            fresh: Rules that are only in the other.
            places: Of all rules of the other, by their identity.
        """
        made: RouteTable[T] = RouteTable((), folds=self._folds)
        made._asks_case = self._asks_case
        made._any, made._exact, made._wildcard = self._any, dict(self._exact), dict(self._wildcard)
        if self.caseless is not None:
            gone, fresh = list(gone), list(fresh)
            made.caseless = self.caseless.changed(gone, fresh, places)
        groups: dict[tuple[str | None, object], _Group[T]] = {}
        for rule in gone:
            pattern = _read(rule.path, made._asks_case, made._folds)
            _group(groups, rule, pattern).names.add(rule.name)
        for rule, value in fresh:
            pattern = _read(rule.path, made._asks_case, made._folds)
            _group(groups, rule, pattern).fresh.append(Entry(rule, pattern, value))

        def order(entry: Entry[Any]) -> int:
            return places[id(entry.rule)]

        for group in groups.values():
            made._put(group.host, made._tree(group.host).changed(group.pattern, group.names, group.fresh, order))
        made._hosts = bool(made._exact or made._wildcard)
        return made

    def _put(self, host: str | None, tree: Tree[T]) -> None:
        """Put a tree into the place of that of a host; an empty one is no tree."""
        if host is None:
            self._any = tree
            return
        key = _host_key(host)
        trees = self._wildcard if host.startswith("*.") else self._exact
        if tree.empty:
            trees.pop(key, None)
        else:
            trees[key] = tree

    def _tree(self, host: str | None) -> Tree[T]:
        """Return the tree of a host, made when it is first named."""
        if host is None:
            return self._any
        return (self._wildcard if host.startswith("*.") else self._exact).setdefault(_host_key(host), Tree())

    def match(self, host: bytes, path: bytes, method: bytes, headers: Headers, query: bytes) -> Match[T]:
        """Find the route of a request, with 10,000 routes as fast as with 10.

        Args:
            host: The authority, lower case; a port and a final dot do not count.
            path: In normal form, see `gateway.http.paths`.
            method: As sent.
            headers: All fields of the request.
            query: What stands after the first `?`.

        Raises:
            RequestAmbiguous: There are routes for hosts, and servers could read the host as one of them.
            RouteNotFound: No route has this host and path, with its conditions met.
            MethodNotAllowed: The most specific that has does not take the method.
        """
        segments = path.split(b"/")
        first = True
        for tree in self._trees(host) if self._hosts else (self._any,):
            leaf = tree.literals.get(path)
            waiting = tree.start()
            if leaf is None:
                leaf = tree.following(segments, waiting)
            while leaf is not None:
                entry = leaf.find(method, headers, query)
                if entry is not None:
                    if first:
                        self._remember(host, path, leaf, segments)
                    return entry.taken(segments)
                first = False
                leaf = tree.following(segments, waiting)
            if tree.expressions:
                first = False
                for expression, leaf in tree.expressions:
                    params = expression.params(path)
                    entry = None if params is None else leaf.find(method, headers, query)
                    if entry is not None:
                        return Match(entry.match.value, params) if params else entry.match
        raise RouteNotFound()

    def known(self, host: bytes, path: bytes) -> Known[T] | None:
        """Return what is known of a host and a path, as they were sent; None for nothing.

        A path of which something is known is in normal form, and nothing in it is escaped.
        """
        return self._known.get(b"%b\0%b" % (host, path) if self._hosts else path)

    def _remember(self, host: bytes, path: bytes, leaf: Leaf[T], segments: list[bytes]) -> None:
        key = b"%b\0%b" % (host, path) if self._hosts else path
        if self._known.came_before(key) and is_normal(path):
            self._known.remember(key, Known(leaf, segments))

    def _trees(self, host: bytes) -> Iterator[Tree[T]]:
        """Walk the trees that a host may take its routes from, the most specific first."""
        tree = self._exact.get(host)
        if tree is None:
            if not is_of_dns(host):
                raise RequestAmbiguous("Servers could read the host as another one.")
            host = bare_host(host)
            tree = self._exact.get(host)
        if tree is not None:
            yield tree
        if self._wildcard:
            _, dot, host = host.partition(b".")
            while dot:
                tree = self._wildcard.get(host)
                if tree is not None:
                    yield tree
                _, dot, host = host.partition(b".")
        yield self._any

    def _leaves(self, host: bytes, path: bytes) -> Iterator[Leaf[T]]:
        """Walk the leaves that match a host and path, the most specific first."""
        segments = path.split(b"/")
        for tree in self._trees(host):
            leaf = tree.literals.get(path)
            if leaf is not None:
                yield leaf
            yield from tree.leaves(segments)
            for expression, leaf in tree.expressions:
                if expression.params(path) is not None:
                    yield leaf

    def allowed(self, host: bytes, path: bytes, headers: Headers, query: bytes) -> tuple[str, ...]:
        """Return the methods that the most specific path takes, for `Allow` in the answer to OPTIONS."""
        for leaf in self._leaves(host, path):
            if any(entry.conditions.hold(headers, query) for entry in leaf.entries):
                return leaf.refusal(headers, query).allow
        return ()

    def explain(self, host: bytes, path: bytes, method: bytes, headers: Headers, query: bytes) -> list[str]:
        """Say why a request takes the route that it takes: a line for each route that was considered.

        For people, not for the hot path.
        """
        lines = []
        for leaf in self._leaves(host, path):
            decided = False
            for entry in leaf.entries:
                met = entry.conditions.hold(headers, query)
                verdict = _verdict(entry, method) if met else "header or query conditions are not met"
                where = for_people(entry.rule.host or "any host")
                lines.append(f"{entry.rule.name} ({where} {entry.pattern.text}): {verdict}")
                if verdict == "taken":
                    return lines
                decided = decided or met
            if decided:
                lines.append("the most specific path decides: its routes do not take the method")
                return lines
        lines.append("no route" if not lines else "no route accepts the request")
        return lines


def _group(
    groups: dict[tuple[str | None, object], _Group[T]], rule: RouteRule, pattern: Pattern | Expression
) -> _Group[T]:
    """Return the group of a rule: those that share host and pattern share a leaf; expressions are one list."""
    key = (rule.host, None if isinstance(pattern, Expression) else (pattern.segments, pattern.wild, pattern.literal))
    found = groups.get(key)
    if found is None:
        found = groups[key] = _Group(rule.host, pattern)
    return found


def _host_key(host: str) -> bytes:
    """Return what the tree of a host is found by.

    Raises:
        ValueError: It is not well formed.
    """
    key = to_ascii(host.removeprefix("*.").removesuffix(".")).encode()
    if key.startswith(b"["):
        key = normal_host(key)
    if not key or b"*" in key or bare_host(key) != key:
        raise ValueError(f"expected a host without a port, or '*.' and a host, found {host!r}")
    return key


def _read(text: str, asks_case: bool, folds: bool) -> Pattern | Expression:
    if text.startswith(MARK):
        return Expression(text, any_case=asks_case or folds)
    pattern = parse_pattern(text)
    return folded_pattern(pattern) if folds else pattern


def _verdict(entry: Entry[T], method: bytes) -> str:
    if not takes(entry.rule.methods, method):
        return f"method {method.decode('ascii', 'backslashreplace')} is not accepted"
    return "taken"
