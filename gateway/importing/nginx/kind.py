"""An nginx configuration as a draft: all servers of its `http` block, and what holds for all of them.

The kind `nginx` of `gateway.importing.kinds`. A file without `http`, such as one of `sites-enabled`, is read as what
stands in that block.

Tests: `tests/imports/test_imports.py::test_the_result_does_what_the_source_says`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from gateway.config.problems import ConfigError, Place, Problem
from gateway.importing.draft import Draft, Hint, Made
from gateway.importing.nginx import admission, listening, responses, servers, values
from gateway.importing.nginx.reading import Directive, told_with_its_line
from gateway.importing.nginx.routes import Carrier
from gateway.importing.nginx.scope import Scope

SILENCE: Final = "60s"
"""How long nginx waits for a backend where nothing is said (`proxy_read_timeout`)."""
BODY: Final = "1m"
"""Longest body that nginx takes where nothing is said (`client_max_body_size`)."""

_PASSED: Final = frozenset(
    [
        "user", "worker_processes", "worker_rlimit_nofile", "worker_cpu_affinity",
        "pid", "daemon", "master_process", "events",
        "error_log", "pcre_jit", "load_module", "sendfile",
        "tcp_nopush", "tcp_nodelay", "aio", "directio",
        "types", "default_type", "types_hash_max_size", "types_hash_bucket_size",
        "server_names_hash_bucket_size", "server_names_hash_max_size", "variables_hash_max_size",
        "map_hash_bucket_size",
        "map_hash_max_size", "proxy_headers_hash_max_size", "proxy_headers_hash_bucket_size", "proxy_http_version",
        "proxy_buffering", "proxy_buffers", "proxy_buffer_size", "proxy_busy_buffers_size",
        "proxy_request_buffering", "proxy_max_temp_file_size", "proxy_temp_path", "proxy_temp_file_write_size",
        "client_body_buffer_size", "client_body_temp_path", "client_header_buffer_size", "keepalive_requests",
        "reset_timedout_connection", "lingering_close", "server_tokens", "log_not_found",
        "open_file_cache", "open_file_cache_valid", "open_file_cache_min_uses", "open_file_cache_errors",
        "open_log_file_cache", "gzip_comp_level", "gzip_buffers", "gzip_proxied",
        "gzip_vary", "gzip_http_version", "gzip_disable", "gzip_static",
        "ssl_session_cache", "ssl_session_timeout", "ssl_session_tickets", "ssl_prefer_server_ciphers",
        "ssl_dhparam", "ssl_ecdh_curve", "ssl_buffer_size", "ssl_early_data",
        "proxy_ssl_server_name", "proxy_ssl_session_reuse", "resolver", "resolver_timeout",
        "http2", "proxy_socket_keepalive", "server_name_in_redirect", "port_in_redirect",
        "absolute_redirect", "merge_slashes",
    ]
)  # fmt: skip
"""Directives about how nginx does what the gateway does by itself or in its own way."""

REMARKS: Final = (
    "X-Forwarded-For, -Proto and -Host, X-Real-IP and Via are written for every backend: see `forwarded`.",
    "`add_header` without `always` is for some statuses in nginx, and for every answer here.",
    "Further attempts are bounded by `retry.budget`, so that a failing backend is not asked twice as often.",
)
"""What is otherwise here, whatever the file says."""

_FILES: Final = Hint("no files are served here", "put a server behind the gateway, and name it as `upstream`")
_CODE: Final = Hint("code of nginx does not run here", "see plugins")

HINTS: Final[Mapping[str, Hint]] = {
    **dict.fromkeys(("root", "alias", "index", "try_files", "autoindex", "expires", "etag"), _FILES),
    **dict.fromkeys(("content_by_lua_block", "access_by_lua_block", "rewrite_by_lua_block", "js_content"), _CODE),
    "if": Hint(
        "conditions within a server are not carried over", "write routes with `host`, `methods`, `headers` or `query`"
    ),
    "set": Hint("there are no variables here"),
    "map": Hint("there are no variables here", "write a route with `headers` or `query` for each of its values"),
    "geo": Hint("there are no variables here", "see `ip_allow`, and `except` of limits"),
    "split_clients": Hint("there are no variables here", "see `upstream: [{name, weight}, …]` and `split_on`"),
    "stream": Hint("the gateway speaks HTTP only"),
    "mail": Hint("the gateway speaks HTTP only"),
    "include": Hint("there is no such file", "run the command where nginx has its files"),
    "limit_conn": Hint("exchanges at once are counted for a route, not for each client", "see `in_flight`"),
    "limit_conn_zone": Hint("exchanges at once are counted for a route, not for each client", "see `in_flight`"),
    "auth_request": Hint("who is asked gets another request here", "see `auth.forward`"),
    "satisfy": Hint("here all rules must be met"),
    "error_page": Hint("pages are files by status here", "see `error_pages`"),
    "proxy_intercept_errors": Hint("pages are files by status here", "see `error_pages.intercept`"),
    "access_log": Hint("there is one access log", "see `access_log`"),
    "log_format": Hint("there is one access log", "see `access_log.format`"),
    "mirror": Hint("a mirror is an upstream here", "see `mirror`"),
    "ssl_ciphers": Hint("the ciphers are those of OpenSSL's defaults"),
    "ssl_protocols": Hint("TLS 1.2 and 1.3 are spoken", "write `minTLS=1.3` into the endpoint for the second alone"),
    "ssl_client_certificate": Hint("the endpoint says so", "write `clientCA=FILE` into it"),
    "ssl_verify_client": Hint("the endpoint says so", "write `clientAuth=require` or `request` into it"),
    "ssl_stapling": Hint("no OCSP answers are sent along"),
    "ssl_stapling_verify": Hint("no OCSP answers are sent along"),
    "send_timeout": Hint("a client that takes nothing is bounded by `request_timeout`"),
    "limit_except": Hint("methods are of the route here", "write a route for each set of `methods`"),
    "proxy_cache_path": Hint("answers are kept in memory or Redis", "see `cache.size` and `cache_store`"),
    "proxy_send_timeout": Hint("the time for an answer counts from the end of the request", "see `timeout`"),
    "proxy_bind": Hint("the system chooses the address that backends see"),
    "proxy_cookie_path": Hint("see `rewrite_responses`"),
    "proxy_cookie_domain": Hint("see `rewrite_responses`"),
    "proxy_set_header": Hint("nothing here passes requests on with it"),
}


def fill(source: Directive, draft: Draft) -> None:
    """Put what an nginx configuration says into a draft.

    Args:
        source: As `gateway.importing.nginx.reading` has read it.
        draft: Takes it, and lists what has no counterpart.

    Raises:
        ConfigError: There is no server in it, or a value is none of nginx's.
    """
    for sentence in REMARKS:
        draft.remark(sentence)
    blocks = source.all("http") or [source]
    for block in blocks:
        with told_with_its_line(block):
            _fill_http(Scope((block,)), draft)
    _pass_over(source, draft)


def _fill_http(scope: Scope, draft: Draft) -> None:
    block = scope.innermost
    found = block.all("server")
    if not found:
        raise ConfigError([Problem(*block.place, block.path, "expected a `server`, found none")])
    groups = {each.words[0]: each for each in block.all("upstream")}
    silence, body = scope.text("proxy_read_timeout", SILENCE), scope.text("client_max_body_size", BODY)
    zones = admission.zones(block.all("limit_req_zone"), draft.leave)
    carrier = Carrier(draft, groups, zones, values.duration(silence), body)
    draft.section("defaults", "route")["timeout"] = values.duration(silence)
    draft.section("limits")["request_body"] = values.size(body)
    _times(scope, found, draft)
    trusted = [each.words[0] for each in block.all("set_real_ip_from")]
    trusted += [each.words[0] for server in found for each in server.all("set_real_ip_from")]
    if trusted:
        draft.top["trusted_proxies"] = list(dict.fromkeys(trusted))
    for server in (block, *found):
        for each in (*server.all("real_ip_header"), *server.all("real_ip_recursive")):
            if each.name == "real_ip_header" and each.words[0].lower() not in ("x-forwarded-for", "proxy_protocol"):
                draft.leave(each, "the client is whom X-Forwarded-For names, or a PROXY header")
    compression = responses.compression(scope)
    if compression is not None:
        draft.top["compression"] = compression
    _servers(scope, found, draft, carrier)
    for name, each in groups.items():
        if all(made.place != each.place for made in draft.upstreams):
            draft.leave(each, f"no location passes anything on to {name}")


def _servers(scope: Scope, found: list[Directive], draft: Draft, carrier: Carrier) -> None:
    doors = listening.doors([list(_listens(server, draft)) for server in found])
    for index, server in enumerate(found):
        _certify(scope.within(server), [door for door in doors if door.tls and index in door.servers], draft)
    draft.top["listeners"] = [Made(door.as_data(), _place_of(found[door.servers[0]])) for door in doors]
    all_doors = all(len(door.servers) == len(found) for door in doors)
    names = [listening.names(server.all("server_name")) for server in found]
    for index, server in enumerate(found):
        where = list(servers.bindings(index, names, doors, all_doors))
        if where:
            with told_with_its_line(server):
                servers.fill(server, scope, where, carrier, names[index])
        else:
            draft.leave(server, "no request comes to it: it has no name that `host` takes, and is not the default")


def _listens(server: Directive, draft: Draft) -> Iterator[listening.Listen]:
    for each in server.all("listen"):
        one = listening.listen(each.words)
        if one is None:
            draft.leave(each, "an address of a form that is not known")
        elif "quic" in one.options:
            draft.leave(each, "HTTP/3 is not spoken")
        else:
            yield one


def _certify(scope: Scope, doors: list[listening.Door], draft: Draft) -> None:
    """Give the listeners of a server its certificates."""
    certificates = [each.words[0] for each in scope.level("ssl_certificate")]
    keys = [each.words[0] for each in scope.level("ssl_certificate_key")]
    for door in doors:
        door.certificates += [pair for pair in zip(certificates, keys, strict=False) if pair not in door.certificates]
    for each in scope.level("ssl_protocols"):
        if not set(each.words) <= {"TLSv1.2", "TLSv1.3"} or "TLSv1.2" not in each.words:
            draft.leave(each, *HINTS["ssl_protocols"])


def _place_of(server: Directive) -> Place:
    return next((each.place for each in server.block or () if each.name == "listen"), server.place)


def _times(scope: Scope, found: list[Directive], draft: Draft) -> None:
    """Read the times that hold for the whole gateway here, and for a server or location in nginx."""
    for name, key in (
        ("proxy_connect_timeout", "connect"),
        ("client_header_timeout", "client_header"),
        ("client_body_timeout", "client_body"),
        ("keepalive_timeout", "client_idle"),
    ):
        said = [scope.one(name), *(each for server in found for each in _within(server, name))]
        for each in filter(None, said):
            value = values.duration(each.words[0])
            if draft.section("timeouts").setdefault(key, value) != value:
                draft.leave(each, f"`timeouts.{key}` holds for the whole gateway: {draft.section('timeouts')[key]}")
    if not draft.section("timeouts"):
        del draft.top["timeouts"]


def _within(block: Directive, name: str) -> list[Directive]:
    found = block.all(name)
    for each in block.block or ():
        if each.name == "location":
            found += _within(each, name)
    return found


def _pass_over(block: Directive, draft: Draft) -> None:
    """Count what is about how nginx works, and not about traffic."""
    for each in block.unread():
        if each.name in _PASSED:
            each.mark_read()
            draft.passed[each.name] += 1
        elif each.name == "map" and each.words[-1:] == ("$connection_upgrade",):
            each.mark_read()  # WebSockets need none
            draft.passed[each.name] += 1
