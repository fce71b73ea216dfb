"""The patterns of one host as a tree of path segments.

Layer 2, made and asked by `gateway.routing.table`. A look-up walks down one
segment at a time, so that its cost depends on the length of the path and not
on the number of routes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, TypeAlias, TypeVar

from gateway.errors import MethodNotAllowed
from gateway.headers import Headers
from gateway.routing.expression import Expression
from gateway.routing.pattern import Pattern
from gateway.routing.rule import NAMED_ONLY, USUAL, Conditions, RouteRule, takes

T = TypeVar("T")

_REST: Final = 0
"""Stands for the number of a segment where only the wildcard of a node is still to be looked at."""


class Match(Generic[T]):
    """A route that was found.

    Attributes:
        value: What the table holds for the route.
        params: Path parameters, None for a pattern without. The object is shared between
            exchanges where there are none, so it is not to be changed.
    """

    __slots__ = ("params", "value")

    def __init__(self, value: T, params: dict[str, str] | None = None) -> None:
        self.value = value
        self.params = params


class Entry(Generic[T]):
    """One route of a leaf."""

    __slots__ = ("conditions", "match", "pattern", "rule")

    def __init__(self, rule: RouteRule, pattern: Pattern | Expression, value: T) -> None:
        self.rule = rule
        self.pattern = pattern
        self.conditions = Conditions(rule.headers, rule.query)
        self.match = Match(value)

    def taken(self, segments: list[bytes]) -> Match[T]:
        """Return the match for a path, with its parameters if the pattern has any."""
        pattern = self.pattern
        assert isinstance(pattern, Pattern)
        if pattern.names or pattern.rest is not None:
            return Match(self.match.value, pattern.params(segments))
        return self.match


class Leaf(Generic[T]):
    """The routes that share one pattern, in the order in which they are tried."""

    __slots__ = ("_conditional", "_default", "_methods", "_plain", "entries")

    def __init__(self) -> None:
        self.entries: list[Entry[T]] = []
        self._conditional: list[Entry[T]] = []
        self._plain = False  # whether there is a route without conditions
        self._methods: dict[bytes, Entry[T] | None] = {}
        self._default: Entry[T] | None = None

    def add(self, entry: Entry[T]) -> None:
        """Put a route behind those with as many conditions or more."""
        self.entries.append(entry)
        self.entries.sort(key=_fewest_last)
        self._conditional = [entry for entry in self.entries if entry.conditions.count]
        plain = self.entries[len(self._conditional) :]
        self._plain = bool(plain)
        # The first route that is for any method takes all that no route before it names.
        self._default = next((entry for entry in plain if entry.rule.methods is None), None)
        self._methods = {NAMED_ONLY: None}
        for entry in plain[: None if self._default is None else plain.index(self._default)]:
            for method in entry.rule.methods or ():
                if self._methods.get(method) is None:
                    self._methods[method] = entry
        if b"GET" in self._methods:
            self._methods.setdefault(b"HEAD", self._methods[b"GET"])

    def find(self, method: bytes, headers: Headers, query: bytes) -> Entry[T] | None:
        """Return the first route that accepts a request for this pattern; None where none does.

        Raises:
            MethodNotAllowed: The pattern has routes whose conditions are met, and none of them takes the method.
        """
        is_ours = self._plain
        for entry in self._conditional:
            if entry.conditions.hold(headers, query):
                if takes(entry.rule.methods, method):
                    return entry
                is_ours = True
        entry_or_none = self._methods.get(method, self._default)
        if entry_or_none is None and is_ours:
            raise self.refusal(headers, query)
        return entry_or_none

    def refusal(self, headers: Headers, query: bytes) -> MethodNotAllowed:
        """Name the methods of the routes whose conditions are met."""
        allowed: set[bytes] = set()
        for entry in self.entries:
            if entry.conditions.hold(headers, query):
                allowed |= USUAL if entry.rule.methods is None else entry.rule.methods
        if b"GET" in allowed:
            allowed.add(b"HEAD")
        return MethodNotAllowed(tuple(sorted(method.decode("ascii", "replace") for method in allowed)))


def _fewest_last(entry: Entry[T]) -> int:
    return -entry.conditions.count


class Node(Generic[T]):
    """A place between two slashes."""

    __slots__ = ("leaf", "literals", "param", "rest")

    def __init__(self) -> None:
        self.literals: dict[bytes, Node[T]] = {}
        self.param: Node[T] | None = None
        self.rest: Leaf[T] | None = None
        self.leaf: Leaf[T] | None = None


Order: TypeAlias = Callable[[Entry[Any]], int]
"""Gives the place of a route among all."""


def _is_empty(node: Node[T]) -> bool:
    return not node.literals and node.param is None and node.rest is None and node.leaf is None


def _other_leaf(leaf: Leaf[T] | None, names: set[str], fresh: list[Entry[T]], order: Order) -> Leaf[T] | None:
    """Make a leaf with other routes; None without any."""
    entries = [] if leaf is None else [entry for entry in leaf.entries if entry.rule.name not in names]
    made = Leaf[T]()
    for entry in sorted([*entries, *fresh], key=order):
        made.add(entry)
    return made if made.entries else None


def _other_node(
    node: Node[T] | None, pattern: Pattern, depth: int, names: set[str], fresh: list[Entry[T]], order: Order
) -> Node[T] | None:
    """Copy the nodes on the way to a pattern, and give it other routes; None where nothing is left."""
    made = Node[T]()
    if node is not None:
        made.literals, made.param, made.rest, made.leaf = dict(node.literals), node.param, node.rest, node.leaf
    if depth == len(pattern.segments):
        if pattern.wild:
            made.rest = _other_leaf(made.rest, names, fresh, order)
        else:
            made.leaf = _other_leaf(made.leaf, names, fresh, order)
    else:
        segment = pattern.segments[depth]
        if segment is None:
            made.param = _other_node(made.param, pattern, depth + 1, names, fresh, order)
        else:
            child = _other_node(made.literals.get(segment), pattern, depth + 1, names, fresh, order)
            if child is not None:
                made.literals[segment] = child
            else:
                made.literals.pop(segment, None)
    return None if _is_empty(made) else made


Waiting: TypeAlias = list[tuple[Node[T], int]]
"""Nodes that a walk has still to look at, each with the number of the segment to look for there; the best is last."""


class Tree(Generic[T]):
    """The patterns of one host.

    Attributes:
        literals: The leaves of exact patterns by path: asked before the tree, and never beaten by it.
        expressions: The leaves of regular expressions, in the order of the configuration: asked after the tree.
    """

    __slots__ = ("_root", "expressions", "literals")

    def __init__(self) -> None:
        self._root: Node[T] = Node()
        self.literals: dict[bytes, Leaf[T]] = {}
        self.expressions: list[tuple[Expression, Leaf[T]]] = []

    def add(self, rule: RouteRule, pattern: Pattern | Expression, value: T) -> None:
        """Put a route into its place."""
        entry = Entry(rule, pattern, value)
        if isinstance(pattern, Expression):
            self._add_expression(pattern, entry)
            return
        literal = pattern.literal
        if literal is not None:
            self.literals.setdefault(literal, Leaf()).add(entry)
            return
        node = self._root
        for segment in pattern.segments:
            if segment is not None:
                node = node.literals.setdefault(segment, Node())
            else:
                if node.param is None:
                    node.param = Node()
                node = node.param
        if pattern.wild:
            node.rest = node.rest or Leaf()
            node.rest.add(entry)
        else:
            node.leaf = node.leaf or Leaf()
            node.leaf.add(entry)

    def _add_expression(self, pattern: Expression, entry: Entry[T]) -> None:
        for known, leaf in self.expressions:
            if known.text == pattern.text:
                leaf.add(entry)
                return
        leaf = Leaf[T]()
        leaf.add(entry)
        self.expressions.append((pattern, leaf))

    def changed(self, pattern: Pattern | Expression, names: set[str], fresh: list[Entry[T]], order: Order) -> Tree[T]:
        """Return a tree with other routes for one pattern; it shares all else with this one, which does not change.

        Args:
            pattern: The pattern.
            names: Those of the routes that were for it, and are not any more.
            fresh: Routes that are for it now.
            order: Of all routes, those that are shared included.
        """
        tree = Tree[T]()
        tree._root, tree.literals, tree.expressions = self._root, self.literals, self.expressions
        if isinstance(pattern, Expression):
            entries = [entry for _, leaf in self.expressions for entry in leaf.entries if entry.rule.name not in names]
            tree.expressions = []
            for entry in sorted([*entries, *fresh], key=order):
                known = entry.pattern
                assert isinstance(known, Expression)
                tree._add_expression(known, entry)
            return tree
        literal = pattern.literal
        if literal is not None:
            tree.literals = dict(self.literals)
            made = _other_leaf(tree.literals.pop(literal, None), names, fresh, order)
            if made is not None:
                tree.literals[literal] = made
            return tree
        tree._root = _other_node(self._root, pattern, 0, names, fresh, order) or Node()
        return tree

    @property
    def empty(self) -> bool:
        """Whether there is no route."""
        return not (self.literals or self.expressions) and _is_empty(self._root)

    def start(self) -> Waiting[T]:
        """Begin a walk; `following` goes on with it."""
        return [(self._root, 1)]

    def following(self, segments: list[bytes], waiting: Waiting[T]) -> Leaf[T] | None:
        """Return the next leaf that matches a path, the most specific first; None after the last.

        Segment by segment a literal goes before a parameter, and a parameter before the rest. Where a branch ends
        without a match, the walk goes back to the next best one. Exact patterns are in `literals`. Not a generator,
        which costs three times the walk.

        Args:
            segments: The path in normal form, split at its slashes.
            waiting: What `start` has returned for this walk.
        """
        end = len(segments)
        while waiting:
            node, depth = waiting.pop()
            rest = node.rest
            if depth == _REST:
                return rest
            if depth == end:
                leaf = node.leaf
                if leaf is None:
                    leaf = rest
                elif rest is not None:
                    waiting.append((node, _REST))
                if leaf is not None:
                    return leaf
            else:
                segment = segments[depth]
                if rest is not None:
                    waiting.append((node, _REST))
                if node.param is not None and segment:
                    waiting.append((node.param, depth + 1))
                child = node.literals.get(segment)
                if child is not None:
                    waiting.append((child, depth + 1))
        return None

    def leaves(self, segments: list[bytes]) -> Iterator[Leaf[T]]:
        """Walk the leaves that match a path, the most specific first; exact patterns are in `literals`.

        Args:
            segments: The path in normal form, split at its slashes.
        """
        waiting = self.start()
        leaf = self.following(segments, waiting)
        while leaf is not None:
            yield leaf
            leaf = self.following(segments, waiting)
