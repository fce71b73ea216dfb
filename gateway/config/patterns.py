"""Texts with a form of their own: hosts, paths, backend URLs, endpoints, header fields.

Each function takes what was written and gives the normal form, or raises
`Unexpected` with the words for what was wanted. Path patterns get a light
check here; `gateway.routing.pattern` takes them apart.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from hyperlink import URL, URLParseError

from gateway.config.endpoint_strings import address_of, check_arguments
from gateway.config.problems import Unexpected, suggestion
from gateway.http import expressions, idn
from gateway.http.hosts import normal_host
from gateway.http.methods import FORWARDED

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2

_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
PARAMETER = re.compile(r":([A-Za-z_][A-Za-z0-9_-]*)|\{([A-Za-z_][A-Za-z0-9_-]*)\}")
REST = re.compile(r"\*|\{\*([A-Za-z_][A-Za-z0-9_-]*)\}")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NOT_IN_URLS = re.compile("[^\x21-\x7e]")
# Segments of a base path: no dots alone, no parameters, no escape that some servers decode into a slash or a dot.
_BASE = re.compile(
    r"(?:/(?!\.{1,2}(?:/|\Z))(?:[A-Za-z0-9\-._~!$&'()*+,=:@]|%(?!2[EeFf]|5[Cc]|3[Bb]|[01][0-9A-Fa-f]|25|7[Ff])[0-9A-Fa-f]{2})+)+"
)
_SPACES = re.compile(r"[\s\x00-\x20\x7f]")
_ENDPOINT = re.compile(r"[A-Za-z][A-Za-z0-9_-]*:.+")
_TCP = re.compile(r"(?:tcp|tcp6|ssl|sni):(?:port=)?(?P<port>[^:]*)(?::.*)?", re.DOTALL)

SOCKETS = "unix:"
"""Among trusted proxies: all who come by a UNIX socket, as in nginx."""

_LONGEST_SOCKET = 107  # `sun_path` of unix(7), without the NUL at its end
SCHEMES = ("http", "https", "h2c")


def text(value: object) -> str:
    """Take what was written as text, even where it looks like a number or a truth value."""
    if isinstance(value, str):
        # Not a `gateway.config.nodes.Filled`: Twisted takes an endpoint for octets that is no plain text.
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(getattr(value, "text", value))
    raise Unexpected("a text")


def some_text(value: object) -> str:
    """Take a text that says something."""
    written = text(value)
    if not written.strip():
        raise Unexpected("a text that is not empty")
    return written


def name(value: object) -> str:
    """Read the name of a thing; it becomes a label in metrics and logs."""
    written = text(value)
    if not 0 < len(written) <= 200 or not written.isprintable() or written != written.strip():
        raise Unexpected("a name: 1 to 200 printable characters, no space at either end")
    return written


def host(value: object) -> str:
    """Read the host that a route answers for: exact, or with `*.` for its subdomains.

    Returns:
        The name in lower case; one that is not ASCII as IDNA has it (`xn--…`), which is what clients send.
    """
    expected = "a host name such as api.example.com or *.example.com, without a port"
    written = text(value)
    wildcard = "*." if written.startswith("*.") else ""
    bare = _to_ascii(written.removeprefix(wildcard), expected).removesuffix(".")
    written = wildcard + bare
    if written.startswith("[") and written.endswith("]"):
        try:
            return normal_host(written.encode()).decode()
        except ValueError:
            raise Unexpected(expected) from None
    if not _HOST.fullmatch(bare):
        raise Unexpected(expected)
    return written


def route_host(value: object) -> str:
    """Read the host that a route answers for."""
    if text(value) in ("*", "_"):  # what Envoy and nginx have for all hosts
        raise Unexpected("a host name such as api.example.com or *.example.com; without the key it is for all hosts")
    return host(value)


def route_path(value: object) -> str:
    """Check a path of a route: a pattern, or `~` and a regular expression for the whole path."""
    written = text(value)
    if not written.startswith("~"):
        return path_pattern(written)
    if len(written) == 1 or _NOT_IN_URLS.search(written):
        # Paths are compared with such characters escaped: it would match none.
        raise Unexpected("`~` and a regular expression without spaces and characters that a URL has to escape")
    _check_expression(written[1:], written, " after `~`")
    return written


def path_pattern(value: object) -> str:
    """Check a path pattern: `/users`, `/users/:id`, `/users/{id}/*`."""
    written = text(value)
    if not written.startswith("/"):
        raise Unexpected("a path that begins with `/`")
    if _NOT_IN_URLS.search(written) or "?" in written or "#" in written or _STRAY_PERCENT.search(written):
        raise Unexpected("a path without `?`, `#`, spaces and characters that a URL has to escape")
    segments = written[1:].split("/")
    rest = REST.fullmatch(segments[-1])
    if rest:
        segments.pop()
    names = [rest[1]] if rest and rest[1] else []
    for segment in segments:
        if parameter := PARAMETER.fullmatch(segment):
            names.append(parameter[1] or parameter[2])
        elif "*" in segment:
            raise Unexpected("`*` or `{*name}` only as the whole last segment")
        elif segment.startswith(":") or "{" in segment or "}" in segment:
            raise Unexpected("a parameter to be a whole segment, `:name` or `{name}`")
        elif segment in (".", ".."):
            raise Unexpected("a path without `.` and `..` segments")
    if len(set(names)) != len(names):
        raise Unexpected("each parameter name once in a path")
    return written


def backend_url(value: object) -> str:
    """Read where a backend listens.

    Returns:
        `scheme://host`, `scheme://host:port` or `unix:/path/of/socket`, and the base path where there is one (after a
        colon that of a socket), host in lower case: the backend's identity.
    """
    expected = (
        "a URL such as http://10.0.0.1:8080, https://… or h2c://…, with nothing after host and port but a path, "
        "or a socket, unix:/run/app.sock"
    )
    written = text(value)
    if written[:5].lower() == "unix:":
        return _unix(written[5:])
    found = parsed(written, SCHEMES, expected)
    if "?" in written or "#" in written:
        raise Unexpected(expected)
    port = "" if found.port is None or _no_port(written) else f":{found.port}"
    path = base_path("/" + written.partition("://")[2].partition("/")[2])
    return f"{found.scheme}://{bracketed(found.host, expected)}{port}{path}"


def _unix(written: str) -> str:
    """Read the path of a socket, and the base path that stands after a colon, as in nginx."""
    socket, colon, path = written.partition(":/")
    if socket.startswith("///"):
        socket = socket[2:]  # unix:///run/app.sock, as Docker and others write it
    if not socket.startswith("/") or socket.startswith("//") or socket.endswith("/") or not socket.isprintable():
        raise Unexpected("a socket with its whole path, such as unix:/run/app.sock or unix:/run/app.sock:/base")
    if len(socket.encode()) > _LONGEST_SOCKET:
        raise Unexpected(f"the path of a socket, of at most {_LONGEST_SOCKET} octets: the system takes no longer ones")
    base = base_path(f"/{path}") if colon else ""
    return f"unix:{socket}:{base}" if base else f"unix:{socket}"


def base_path(written: str) -> str:
    """Read the path that everything is asked for below; it ends without a slash, and is empty for the root.

    Only what every server reads in one way is taken: what clients ask for must stay below it.
    """
    path = written.removesuffix("/")
    if path and not _BASE.fullmatch(path):
        raise Unexpected("a base path such as /v2: no empty segment, no `.` or `..`, no `;`, no escaped slash or dot")
    return path


def host_header(value: object) -> str:
    """Read what a backend sees as Host: `client`, `backend`, or a name with an optional port."""
    expected = "`client`, `backend`, or a host name such as shop.internal, with a port where it has one"
    written = text(value)
    if written.lower() in ("client", "backend"):
        return written.lower()
    name, colon, port = written.rpartition(":")
    if not colon or port.endswith("]"):
        name, colon, port = written, "", ""
    elif not port.isdecimal() or not 0 < int(port) < 65536:
        raise Unexpected(expected)
    try:
        name = host(name)
    except Unexpected as error:
        raise Unexpected(expected, error.found) from None
    if name.startswith("*"):
        raise Unexpected(expected)
    return f"{name}:{int(port)}" if colon else name


def server_name(value: object) -> str:
    """Read the name that a TLS server is asked for and has to prove: a host name, or an address."""
    expected = "a host name such as shop.internal, or an address, without a port"
    written = some_text(value)
    try:
        return str(ip_address(written.removeprefix("[").removesuffix("]")))
    except ValueError:
        pass
    try:
        name = host(written)
    except Unexpected as error:
        raise Unexpected(expected, error.found) from None
    if name.startswith("*"):
        raise Unexpected(expected)
    return name


def url(value: object) -> str:
    """Read the URL of something that is asked over HTTP, as it was written but for a host that is not ASCII."""
    expected = "a URL that begins with http:// or https://, and a host"
    written = text(value)
    found = parsed(written, ("http", "https"), expected)
    bracketed(found.host, expected)
    if "#" in written:
        raise Unexpected("a URL without a fragment: no server is told it")
    if not written.isascii():
        written = found.replace(host=_to_ascii(found.host, expected)).to_uri().to_text()
    if _NOT_IN_URLS.search(written):
        raise Unexpected(expected)
    return written


def parsed(value: object, schemes: tuple[str, ...], expected: str) -> URL:
    """Read a URL with a host; `expected` says what is wanted where it is none."""
    written = text(value)
    scheme, _, rest = written.partition("://")
    authority = re.split("[/?#]", rest)[0]
    if "@" in authority:
        raise Unexpected("a URL without user and password: nothing would be done with them")
    if "%" in authority and authority.startswith("["):
        raise Unexpected("an IPv6 address without a zone")
    if _SPACES.search(written):
        raise Unexpected(expected)
    try:
        found = URL.from_text(f"{scheme.lower()}://{rest}")
    except (URLParseError, ValueError):
        raise Unexpected(expected) from None
    if "://" not in written:
        raise Unexpected(expected)
    if found.scheme not in schemes:
        raise Unexpected(expected, f"`{found.scheme}://`{suggestion(found.scheme, (*schemes, 'unix'))}")
    if not found.host:
        raise Unexpected(expected)
    if found.port is not None and not 0 < found.port < 65536:
        raise Unexpected("a URL with a port from 1 to 65535")
    return found


def _no_port(written: str) -> bool:
    """Whether a URL names no port; that of the scheme is filled in where it is read."""
    authority = written.partition("://")[2].split("/")[0]
    return not re.search(r":[0-9]+\Z", authority)


def bracketed(host: str, expected: str) -> str:
    """Return the host of a URL in its normal form."""
    if ":" in host:
        return f"[{IPv6Address(host)}]"  # hyperlink refuses brackets around anything else
    name = _to_ascii(host, expected)
    if not _HOST.fullmatch(name):
        raise Unexpected(expected)
    return name


def _to_ascii(host: str, expected: str) -> str:
    """A host name as DNS has it."""
    try:
        return idn.to_ascii(host)
    except UnicodeError as error:
        raise Unexpected(expected, f'"{host}": {error}') from None


def endpoint(value: object) -> str:
    """Check a Twisted server endpoint string, as far as it can be without Twisted."""
    written = text(value)
    if not _ENDPOINT.fullmatch(written):
        raise Unexpected("a Twisted endpoint such as tcp:8080 or tcp:8080:interface=127.0.0.1")
    tcp = _TCP.fullmatch(written)
    if tcp and not (tcp["port"].isdecimal() and int(tcp["port"]) <= 65535) and "=" not in tcp["port"]:
        raise Unexpected("a port from 0 to 65535 in the endpoint")
    check_arguments(written)
    socket = address_of(written).removeprefix("unix:")
    if written.startswith("unix:") and len(socket.encode()) > _LONGEST_SOCKET:
        raise Unexpected(f"the path of a socket, of at most {_LONGEST_SOCKET} octets: the system takes no longer ones")
    return written


def header_name(value: object) -> str:
    """Check the name of a header field."""
    written = text(value)
    if not TOKEN.fullmatch(written):
        raise Unexpected("the name of a header field")
    return written


def header_value(value: object) -> str:
    """Check the value of a header field: no line can be smuggled in by it."""
    written = text(value)
    if re.search("[\x00-\x08\x0a-\x1f\x7f]", written) or written != written.strip(" \t"):
        raise Unexpected("a header value: one line without control characters, no space at either end")
    return written


def method(value: object) -> str:
    """Read a request method; small letters are taken for a slip."""
    written = text(value).upper()
    if not TOKEN.fullmatch(written):
        raise Unexpected("a method such as GET")
    return written


def route_method(value: object) -> str:
    """Read a method that a route is for; one that the gateway lets no request have is taken for a slip."""
    written = method(value)
    if written.encode() not in FORWARDED:
        near = suggestion(written, sorted(each.decode() for each in FORWARDED))
        raise Unexpected("a method that is forwarded, such as GET, POST, PROPFIND or PURGE", f'"{written}"{near}')
    return written


def condition(value: object) -> str:
    """Check what a header or query value must be: a text, `~regex` or `*`."""
    written = text(value)
    if written.startswith("~"):
        _check_expression(written[1:], written, " after `~`")
    return written


def expression(value: object) -> str:
    """Check a regular expression."""
    written = text(value)
    _check_expression(written, written)
    return written


def _check_expression(written: str, shown: str, where: str = "") -> None:
    try:
        expressions.check(written)
    except ValueError as error:
        raise Unexpected(expressions.wanted(written) + where, f'"{shown}": {error}') from None


def network(value: object) -> IPv4Network | IPv6Network:
    """Read an address or a CIDR block."""
    try:
        return ip_network(text(value))
    except ValueError as error:
        if "has host bits set" in str(error):
            raise Unexpected("a network with no host bits, such as 10.0.0.0/8") from None
        raise Unexpected("an address or a network such as 10.0.0.0/8 or fd00::/8") from None


def proxy(value: object) -> IPv4Network | IPv6Network | str:
    """Read who is a trusted proxy: an address, a CIDR block, or `unix:` for whoever comes by a UNIX socket."""
    if value == SOCKETS:
        return SOCKETS
    try:
        return network(value)
    except Unexpected as error:
        raise Unexpected(f"{error.expected}; or `unix:` for all who come by a UNIX socket", error.found) from None
