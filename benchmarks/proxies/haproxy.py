"""HAProxy."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers import find
from benchmarks.processes import Command
from benchmarks.workload import ROUTE_PREFIX, Task

_CONFIGURATION = """
global
  nbthread 1
  maxconn 9000
  log stdout format raw local0
defaults
  mode http
  log global
  timeout connect 5s
  timeout client 300s
  timeout server 30s
  timeout http-keep-alive 300s
frontend clients
  bind 127.0.0.1:{port} {ssl} {alpn} backlog 4096
  option forwardfor
  unique-id-format %[uuid()]
  unique-id-header X-Request-ID
  http-request set-header X-Forwarded-Proto {scheme}
  http-response set-header X-Request-ID %[unique-id]
  log-format '{log}'
  acl users path_beg {prefix}
  use_backend users if users
backend users
  http-reuse always
  server b1 127.0.0.1:{backend} {backend_protocol} maxconn 1000
"""

_LOG = (
    '{"ts":"%trg","request_id":"%ID","method":"%HM","path":"%HPO","query":"%HQ","status_code":%ST,'
    '"response_time_ms":%Ta,"client_ip":"%ci","upstream_service":"%b","upstream_response_time_ms":%Tr}'
)


class HAProxy:
    """HAProxy with one thread."""

    name = "haproxy"
    needs: Sequence[str] = ("haproxy",)
    does = "one thread; JSON log line to a file (as its standard output), counters, request id, X-Forwarded-*"

    def can(self, task: Task) -> bool:
        """Not the many-routes task, which compares the gateway with itself."""
        return task.routes == 1

    def prepare(self, task: Task) -> Command:
        """Write `haproxy.cfg`."""
        path = task.directory / "haproxy.cfg"
        path.write_text(
            _CONFIGURATION.format(
                port=task.port,
                ssl=f"ssl crt {task.certificate.both}" if task.certificate else "",
                # On clear text it takes either version by itself.
                alpn="alpn h2,http/1.1" if task.http2 and task.certificate else "",
                backend_protocol="proto h2" if task.http2_backend else "",
                scheme="https" if task.certificate else "http",
                log=_LOG,
                prefix=ROUTE_PREFIX,
                backend=task.backend_port,
            )
        )
        return Command([find("haproxy") or "haproxy", "-db", "-f", str(path)])
