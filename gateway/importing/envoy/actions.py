"""What an Envoy route does with a request, as keys of ours, and what becomes of the request by Envoy's own rules.

Of `gateway.importing.envoy`.

Tests: `tests/importing/envoy/test_kind.py::test_actions`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.importing.draft import Data, Draft, Template
from gateway.importing.envoy.clusters import Clusters, duration
from gateway.importing.envoy.matching import Matching
from gateway.importing.envoy.redirects import redirect
from gateway.importing.nginx.locations import Location
from gateway.importing.nginx.passing import path_change
from gateway.importing.parts import Part

SILENCE: Final = "15s"
"""How long Envoy waits for an answer where nothing is said."""

_RETRIED: Final[dict[str, list[str | int]]] = {
    "5xx": ["connect", "refused", "reset", "timeout", 500, 502, 503, 504],
    "gateway-error": [502, 503, 504],
    "connect-failure": ["connect", "refused"],
    "refused-stream": ["refused"],
    "reset": ["reset", "timeout"],
    "unavailable": ["unavailable"],
    "cancelled": ["cancelled"],
    "deadline-exceeded": ["deadline-exceeded"],
    "internal": ["internal"],
    "resource-exhausted": ["resource-exhausted"],
}
_NAMES: Final = {
    "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%": "${client_ip}",
    "%REQ(x-request-id)%": "${request_id}",
    "%REQ(X-REQUEST-ID)%": "${request_id}",
    "%REQ(:METHOD)%": "${method}",
    "%REQ(:PATH)%": "${path}",
    "%UPSTREAM_CLUSTER%": "${upstream}",
}


@dataclass
class Action:
    """What becomes of a request.

    Attributes:
        keys: Of the route.
        status: What the client gets.
        upstream: Where it goes; None where it is answered, or goes to one of several.
        sent: The path that the backend gets for the one that the match names; None where nothing is known.
        host: What the backend sees as `Host`; None for the client's.
    """

    keys: Data = field(default_factory=dict)
    status: int = 200
    upstream: str | None = None
    sent: str | None = None
    host: str | None = None


def action(part: Part, matching: Matching, clusters: Clusters, draft: Draft) -> Action | None:
    """Read what a route does; None where it is of a kind that has no counterpart."""
    if (said := part.get("redirect")) is not None:
        leads = redirect(said, matching, draft)
        return None if leads is None else Action({"redirect": leads}, leads["status"])
    if (direct := part.get("direct_response")) is not None:
        respond: Data = {"status": direct.whole("status") or 200}
        if (body := direct.text("body", "inline_string")) is not None:
            respond["body"] = body
        elif (file := direct.text("body", "filename")) is not None:
            respond["file"] = file
        return Action({"respond": respond}, respond["status"])
    if (route := part.get("route")) is not None:
        return _route(route, matching, clusters, draft)
    return None


def _route(part: Part, matching: Matching, clusters: Clusters, draft: Draft) -> Action | None:
    host = part.text("host_rewrite_literal") or "client"
    if part.flag("auto_host_rewrite"):
        host = "backend"
    hash_on = _hash_on(part, draft)
    found = Action(host=host if host not in ("client", "backend") else None)
    upstream: str | None = None
    if (cluster := part.text("cluster")) is not None:
        upstream = clusters.upstream(cluster, host, hash_on)
        if upstream is None:
            draft.leave(part.get("cluster") or part, f"there is no cluster {cluster} in this file")
            return None
        found.keys["upstream"] = found.upstream = upstream
    elif part.get("weighted_clusters") is not None:
        members = []
        for one in part.each("weighted_clusters", "clusters"):
            name = clusters.upstream(one.text("name") or "", host, hash_on)
            if name is None:
                draft.leave(one, "there is no such cluster in this file: its share goes to the others")
            else:
                weight = one.whole("weight")
                members.append({"name": name, "weight": 1 if weight is None else weight})
        draft.pass_over(part.get("weighted_clusters") or part, "total_weight", "runtime_key_prefix")
        found.keys["upstream"] = members
    else:
        return None
    _times(part, found)
    request = _path(part, matching, found, draft)
    if request:
        found.keys["transformations"] = {"request": {"path": request}}
    for number, one in enumerate(part.each("request_mirror_policies")):
        name = clusters.upstream(one.text("cluster") or "")
        if number or name is None:
            draft.leave(one, "a route has one mirror, which is an upstream")
            continue
        share = one.number("runtime_fraction", "default_value", "numerator")
        of = {"TEN_THOUSAND": 10_000, "MILLION": 1_000_000}.get(
            one.text("runtime_fraction", "default_value", "denominator") or "", 100
        )
        found.keys["mirror"] = {"upstream": name, **({} if share is None else {"ratio": share / of})}
    if (policy := part.get("retry_policy")) is not None:
        _retry(policy, found, draft)
    for one in part.each("upgrade_configs"):
        draft.only(one, "upgrade_type", ("websocket", "WEBSOCKET"), "WebSockets are the only upgrade")
        one.flag("enabled")
    return found


def _times(part: Part, found: Action) -> None:
    silence = duration(part, "timeout")
    idle = duration(part, "idle_timeout")
    if silence is not None and silence in ("0s", "0"):
        found.keys |= {"timeout": idle or "5m", "request_timeout": 0}
    elif silence is not None and silence != SILENCE:
        found.keys["timeout"] = silence


def _path(part: Part, matching: Matching, found: Action, draft: Draft) -> Data:
    probe = matching.probe
    found.sent = probe
    if (rewrite := part.text("prefix_rewrite")) is not None:
        if matching.prefix is None:
            found.sent = rewrite
            return {"replace": {"pattern": "^.*$", "with": rewrite}}
        found.sent = None if probe is None else re.sub("//+", "/", rewrite + probe.removeprefix(matching.prefix))
        return path_change(Location("", matching.prefix), rewrite)
    if (regex := part.get("regex_rewrite")) is not None:
        pattern = regex.text("pattern", "regex") or ""
        draft.pass_over(regex.get("pattern") or regex, "google_re2")
        substitution = regex.text("substitution") or ""
        if not pattern.startswith("^"):
            draft.leave(regex, "Envoy replaces it wherever it is in the path, and the gateway where it is found first")
        found.sent = None
        return {"replace": {"pattern": pattern, "with": substitution}}
    return {}


def _retry(part: Part, found: Action, draft: Draft) -> None:
    on: list[str | int] = []
    words = (part.text("retry_on") or "").split(",")
    for word in filter(None, (one.strip() for one in words)):
        if word in _RETRIED:
            on += _RETRIED[word]
        elif word != "retriable-status-codes":
            said = part.get("retry_on") or part
            draft.leave(said, f"`{word}` is no reason for another attempt here", "see `retry.on`")
    if "retriable-status-codes" in words:
        on += [int(one.whole() or 503) for one in part.each("retriable_status_codes")]
    retries = part.whole("num_retries")
    retry: Data = {"attempts": min(1 if retries is None else retries, 10), "on": list(dict.fromkeys(on))}
    if (each := duration(part, "per_try_timeout")) is not None:
        retry["per_try_timeout"] = each
    if (backoff := part.get("retry_back_off")) is not None:
        for key, ours in (("base_interval", "backoff"), ("max_interval", "max_backoff")):
            if (time := duration(backoff, key)) is not None:
                retry[ours] = time
    if on:
        found.keys["retry"] = retry


def _hash_on(part: Part, draft: Draft) -> str:
    found = ""
    for one in part.each("hash_policy"):
        key = ""
        if (name := one.text("header", "header_name")) is not None:
            key = "path" if name == ":path" else f"header:{'-'.join(word.capitalize() for word in name.split('-'))}"
        elif (name := one.text("cookie", "name")) is not None:
            key = f"cookie:{name}"
        elif one.flag("connection_properties", "source_ip"):
            key = "ip"
        if not key or found:
            draft.leave(one, "a backend is chosen by one value: the address, a field, a cookie or the path")
        found = found or key
    return found


def answered_fields(changes: Data, part: Part, draft: Draft) -> Data:
    """Return what becomes of changes of fields in `respond`, whose fields are the same for everybody."""
    found: Data = {}
    for name, value in {**changes.get("add_headers", {}), **changes.get("set_headers", {})}.items():
        if "${" in value.replace("$${", ""):
            draft.leave(part, f"{name} of an answer of the gateway's own is the same for everybody")
        elif name == "Content-Type":
            found["content_type"] = value
        else:
            found.setdefault("headers", {})[name] = value
    return found


def field_changes(parts: Sequence[Part], draft: Draft) -> Data:
    """Return the changes of fields that a route and what is around it ask for, as `transformations` has them."""
    found: dict[str, Data] = {}
    for part in parts:
        for direction in ("request", "response"):
            for one in part.each(f"{direction}_headers_to_add"):
                _add(one, found.setdefault(direction, {}), direction, draft)
            for one in part.each(f"{direction}_headers_to_remove"):
                name = one.text() or ""
                found.setdefault(direction, {}).setdefault("remove_headers", []).append(_named(name))
    return {direction: changes for direction, changes in found.items() if changes}


def _add(part: Part, changes: Data, direction: str, draft: Draft) -> None:
    name, value = part.text("header", "key") or "", part.text("header", "value") or ""
    if direction == "request" and name.lower() in ("host", "x-forwarded-for", "x-forwarded-proto", "x-request-id"):
        draft.leave(part, "the gateway writes this field itself", "see `host_header` and `forwarded`")
        return
    text = re.sub(r"%[A-Z_]+(?:\([^)]*\))?%", lambda one: _NAMES.get(one[0], one[0]), value.replace("${", "$${"))
    if re.search(r"%[A-Z_]+(?:\([^)]*\))?%", text):
        draft.leave(part, f"`{value}` has no runtime name here")
        return
    appends = part.text("append_action") or ""
    replaces = appends == "OVERWRITE_IF_EXISTS_OR_ADD" or part.flag("append") is False
    if appends not in ("", "APPEND_IF_EXISTS_OR_ADD", "OVERWRITE_IF_EXISTS_OR_ADD"):
        said = part.get("append_action") or part
        draft.leave(said, f"{appends}: a field is added, or replaces others")
    changes.setdefault("set_headers" if replaces else "add_headers", {})[_named(name)] = Template(text)


def _named(name: str) -> str:
    return "-".join(word.capitalize() for word in name.split("-"))
