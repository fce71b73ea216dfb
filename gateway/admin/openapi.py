"""`GET /openapi.json`: what this port answers, as OpenAPI 3.1 says it.

Loaded when somebody asks for it (`gateway.admin.configuration`). Written here by hand beside the leaves, and held
against them by a test that asks the port whatever the document allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway import __version__
from gateway.answering.health import PATHS
from gateway.config.editing import LIMITS, SECTIONS

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer"}
_DATA: Schema = {"type": "object"}
_TAG = {"ETag": {"description": "The version, in quotes.", "schema": {"type": "string"}, "required": True}}
_PROBLEM = "application/problem+json"
_LATER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "string"}, "required": True}}


def document() -> dict[str, Any]:
    """Return the document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Admin port of the gateway",
            "version": __version__,
            "description": "Reading needs no token; all else needs `admin.token`.",
        },
        "paths": {
            **_views(),
            **_credentials(),
            **_live(),
            "/config": {"get": _read("The configuration in force, secrets masked.", _DATA), "put": _replacing()},
            "/config/validate": {"post": _validating()},
            "/config/plan": {"post": _planning()},
            "/config/overlay": {
                "get": _read("What was changed over the files, secrets masked.", _ref("Overlay")),
                "delete": _write("Go back to the files.", {"200": _made()}),
            },
            "/config/versions": {"get": _read("The versions that can be gone back to.", _ref("Versions"))},
            "/config/rollback": {"post": _rolling_back()},
            **{path: item for section in SECTIONS for path, item in _objects(section).items()},
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "`admin.token`."}},
            "schemas": _schemas(),
        },
    }


def _object(properties: Mapping[str, Schema], *optional: str) -> Schema:
    required = [key for key in properties if key not in optional]
    return {"type": "object", "properties": dict(properties), "required": required, "additionalProperties": False}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _schemas() -> dict[str, Schema]:
    place = {"file": _TEXT, "line": _COUNT, "column": _COUNT}
    wrong = _object({**place, "path": _TEXT, "message": _TEXT}, *place)
    problem = {"type": _TEXT, "title": _TEXT, "status": _COUNT, "detail": _TEXT, "request_id": _TEXT}
    version = {"version": _TEXT, "at": {"type": "string", "format": "date-time"}, "who": _TEXT}
    changes = {"changes": _list(_ref("Difference"))}
    return {
        "Wrong": wrong,
        "Problem": _object(problem),
        "Refused": _object({**problem, "problems": _list(_ref("Wrong"))}),
        "Difference": _object(
            {"section": _TEXT, "name": _TEXT, "kind": {"enum": ["added", "removed", "changed", "moved"]}}
        ),
        "Valid": _object({"valid": {"const": True}, "warnings": _list(_ref("Wrong"))}),
        "Plan": _object({"version": _TEXT, **changes, "summary": _TEXT}),
        "Made": _object(
            {"version": _TEXT, "before": _TEXT, **changes, "durable": {"type": "boolean"}, "detail": _TEXT}, "detail"
        ),
        "Overlay": _object({"durable": {"type": "boolean"}, "overlay": _DATA}),
        "Versions": _object({"versions": _list(_object({**version, **changes}))}),
    }


def _json(description: str, schema: Schema, headers: Mapping[str, Any] | None = None) -> Schema:
    found: Schema = {"description": description, "content": {"application/json": {"schema": schema}}}
    return found | ({"headers": dict(headers)} if headers else {})


def _refused(description: str, name: str = "Problem", headers: Mapping[str, Any] | None = None) -> Schema:
    found: Schema = {"description": description, "content": {_PROBLEM: {"schema": _ref(name)}}}
    return found | ({"headers": dict(headers)} if headers else {})


def _get(summary: str, answers: Mapping[str, Schema]) -> Schema:
    return {"summary": summary, "responses": dict(answers)}


def _read(summary: str, schema: Schema, **more: Any) -> Schema:
    missing = {"404": _refused("There is no such object.")} if more else {}
    return _get(summary, {"200": _json(summary, schema, _TAG), **missing}) | more


def _write(summary: str, answers: Mapping[str, Schema], **more: Any) -> Schema:
    """Return a write of the configuration: for who has the token, and for one version only where that is said."""
    parameters = [
        {
            "name": "If-Match",
            "in": "header",
            "description": "The `ETag` of the version that the change is made for.",
            "schema": {"type": "string"},
        },
        {
            "name": "If-None-Match",
            "in": "header",
            "description": "`*`: a PUT of an object only where there is none of its name.",
            "schema": {"type": "string"},
        },
        *more.pop("parameters", ()),
    ]
    refused = {
        **_for_who_has_the_token(),
        "412": _refused("Another version is in force (`If-Match`), or there is such an object (`If-None-Match`)."),
        "422": _refused("The configuration is wrong, or cannot be put into force; nothing was changed.", "Refused"),
        "500": _refused("The overlay cannot be written; nothing was changed."),
        "503": _refused("The gateway is stopping."),
    }
    responses = {**refused, **answers}
    return {"summary": summary, "security": [{"token": []}], "parameters": parameters, "responses": responses, **more}


def _for_who_has_the_token() -> dict[str, Schema]:
    return {
        "401": _refused("No token was shown, or another one."),
        "403": _refused("There is no `admin.token`, or the request is from a page of another origin."),
        "413": {"description": "The content is too long: over 64 KiB without the token, over 16 MiB with it."},
        "429": _refused("Too many wrong tokens came from this address.", headers=_LATER),
    }


def _body(schema: Schema) -> Schema:
    kinds = {kind: {"schema": schema} for kind in ("application/json", "application/yaml")}
    return {"required": True, "content": kinds}


def _made() -> Schema:
    return _json("It is in force.", _ref("Made"), _TAG)


def _replacing() -> Schema:
    summary = "Put a whole configuration in the place of the files."
    return _write(summary, {"200": _made()}, requestBody=_body(_DATA))


def _validating() -> Schema:
    summary = "Check a whole configuration, and change nothing."
    answers = {"200": _json("It can be used.", _ref("Valid"))}
    operation = _write(summary, answers, requestBody=_body(_DATA))
    del operation["parameters"]
    for status in ("412", "500", "503"):
        del operation["responses"][status]
    return operation


def _planning() -> Schema:
    summary = "Tell what PUT /config would change, and change nothing."
    return _write(summary, {"200": _json("What it would change.", _ref("Plan"), _TAG)}, requestBody=_body(_DATA))


def _rolling_back() -> Schema:
    body = {"required": True, "content": {"application/json": {"schema": _object({"version": _TEXT})}}}
    answers = {
        "200": _made(),
        "400": _refused("It says no version."),
        "404": _refused("The version is not kept."),
    }
    return _write("Go back to a version.", answers, requestBody=body)


def _objects(section: str) -> dict[str, Any]:
    number = section == LIMITS
    key = "number" if number else "name"
    schema: Schema = {"type": "integer", "minimum": 0} if number else {"type": "string", "minLength": 1}
    named = [{"name": key, "in": "path", "required": True, "schema": schema}]
    missing = {"404": _refused("There is no such object.")}
    put = {"200": _made(), "201": _json("It is in force, and new.", _ref("Made"), _TAG)}
    gone = "the ones behind it move up" if number else "one of the files leaves a tombstone in the overlay"
    return {
        f"/config/{section}": {
            "get": _read(f"What the {section} are called.", _object({section: _list(_TEXT)})),
        },
        f"/config/{section}/{{{key}}}": {
            "get": _read(f"One of the {section}, secrets masked.", _DATA, parameters=named),
            "put": _write(f"Put one of the {section}.", {**put, **missing}, parameters=named, requestBody=_body(_DATA)),
            "delete": _write(f"Delete one of the {section}; {gone}.", {"200": _made(), **missing}, parameters=named),
        },
    }


def _views() -> dict[str, Any]:
    listed = _list(_DATA)
    named = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    text = {"description": "For Prometheus.", "content": {"text/plain": {}, "application/openmetrics-text": {}}}
    health = {
        path.decode(): {
            "get": _get("Health.", {"200": _json("All is well.", _DATA), "503": _json("It is not.", _DATA)})
        }
        for path in PATHS
    }
    return {
        "/metrics": {"get": _get("All figures.", {"200": text})},
        **health,
        "/routes": {"get": _get("The routes in force.", {"200": _json("Each with all that is decided.", listed)})},
        "/upstreams": {"get": _get("The backends.", {"200": _json("Health, breakers, connections.", {})})},
        "/exchanges": {"get": _get("What failed.", {"200": _json("The last hundred, the newest first.", listed)})},
        "/exchanges/{id}": {
            "get": _get(
                "Everything known of one exchange that failed.",
                {"200": _json("Attempts, steps, times.", _DATA), "404": _refused("It is not kept.")},
            )
            | {"parameters": [named]}
        },
        "/openapi.json": {"get": _get("This document.", {"200": _json("OpenAPI.", _DATA)})},
    }


def _live() -> dict[str, Any]:
    """Return what the live page asks for; its files and its stream of events are for browsers, and not in here."""
    number = {"type": "integer", "minimum": 0}
    query = [
        {"name": "search", "in": "query", "schema": _TEXT},
        {"name": "from", "in": "query", "schema": {**number, "maximum": 1_000_000}},
        {"name": "most", "in": "query", "schema": {**number, "minimum": 1, "maximum": 200}},
    ]
    unread = {"400": _refused("It cannot be read.")}

    def part(summary: str, words: str) -> Schema:
        return {"get": _get(summary, {"200": _json(words, _DATA), **unread}) | {"parameters": query}}

    written = {"name": "written", "in": "query", "schema": {"enum": ["0", "1"]}}
    values = _get("Some of the values in force, each with its place.", {"200": _json("Values.", _DATA, _TAG), **unread})
    tried = {"url": _TEXT, "method": _TEXT, "listener": _TEXT, "headers": {"type": "object", **_of_texts()}}
    attempt = {
        "200": _json("The route, and which were considered.", _DATA),
        **unread,
        "403": _refused("The request is from a page of another origin."),
        "413": {"description": "The content is over 64 KiB."},
    }
    body = _object(tried, "method", "listener", "headers")
    told = {**attempt, "200": _json("What it would meet.", _foreseen())}
    caller = _object({**tried, "client": _TEXT, "claims": _DATA}, "method", "listener", "headers", "client", "claims")
    return {
        "/live/limits": {"get": _get("Limits and who is near them.", {"200": _json("Keys are shortened.", _DATA)})},
        "/live/routes": part("Some of the routes.", "With the steps of their chains."),
        "/live/config": {"get": values | {"parameters": [*query, written]}},
        "/live/route": {
            "post": _get("Try a request; nothing is sent.", attempt)
            | {"requestBody": {"required": True, "content": {"application/json": {"schema": body}}}}
        },
        "/live/explain": {
            "post": _get("Tell what a request would meet now; nothing is sent, and nothing is counted.", told)
            | {"requestBody": {"required": True, "content": {"application/json": {"schema": caller}}}}
        },
    }


def _foreseen() -> Schema:
    """Return what is told of a request: null is for what is not known here, and `words` say why."""
    seconds: Schema = {"type": ["number", "null"]}
    truth: Schema = {"type": "boolean"}
    limit = _object(
        {
            "by": _TEXT,
            "requests": _COUNT,
            "window": {"type": "number"},
            "behind_authentication": truth,
            "dry_run": truth,
            "remaining": {"type": ["integer", "null"]},
            "again": seconds,
            "words": _TEXT,
        }
    )
    outcome = {"enum": ["bypass", "hit", "miss", "stale", None]}
    cache = _object({"outcome": outcome, "age": seconds, "fresh_for": seconds, "words": _TEXT})
    return _object(
        {
            "route": {"type": ["string", "null"]},
            "path": _TEXT,
            "own": truth,
            "considered": _list(_TEXT),
            "notes": _list(_TEXT),
            "limits": _list(limit),
            "cache": {"anyOf": [cache, {"type": "null"}]},
            "upstreams": _list(_DATA),
            "ends": _list(_object({"what": _TEXT, "status": _COUNT, "reason": _TEXT})),
        }
    )


def _of_texts() -> Schema:
    return {"additionalProperties": _TEXT}


def _credentials() -> dict[str, Any]:
    query = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in ("user", "key_id", "jti")]
    done = _json("Done.", _DATA)
    unread = {"400": _refused("It cannot be read."), **_for_who_has_the_token()}

    def operation(summary: str, **more: Any) -> Schema:
        responses = {"200": done, **unread, **more.pop("also", {})}
        return {"summary": summary, "security": [{"token": []}], "responses": responses, **more}

    def sent(properties: Mapping[str, Schema]) -> Schema:
        schema = _object(properties, *properties)
        return {"required": True, "content": {"application/json": {"schema": schema}}}

    full = {"507": _json("The deny-list is full.", _DATA)}
    told = {"503": _json("Redis does not answer; it is told as soon as it does.", _DATA)}
    revoked = {"jti": _TEXT, "key_id": _TEXT, "expires": {"type": "number"}}
    purged = {"route": _TEXT, "url": _TEXT, "tag": _TEXT}
    return {
        "/auth/cache": {"delete": operation("Look again at credentials, all or one.", parameters=query)},
        "/auth/revocations": {"post": operation("Refuse a token or an API key.", requestBody=sent(revoked), also=full)},
        "/cache/purge": {"post": operation("Forget kept answers.", requestBody=sent(purged), also=told)},
    }
