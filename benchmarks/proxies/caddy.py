"""Caddy."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers import find
from benchmarks.processes import Command
from benchmarks.workload import ROUTE_PREFIX, Task

CONFIGURATION = """
{{
  admin off
  auto_https off
  persist_config off
  default_sni localhost
  metrics
  servers {{
    protocols {protocols}
    timeouts {{
      idle 5m
    }}
  }}
}}
{site} {{
  bind 127.0.0.1
  {tls}
  log {{
    output file {log} {{
      roll_disabled
    }}
    format json
  }}
  request_header X-Request-ID {{http.request.uuid}}
  handle {prefix}* {{
    header X-Request-ID {{http.request.uuid}}
    reverse_proxy 127.0.0.1:{backend} {{
      transport http {{
        {versions}
        keepalive_idle_conns_per_host 256
      }}
    }}
  }}
}}
"""


class Caddy:
    """Caddy with one processor for Go's scheduler."""

    name = "caddy"
    needs: Sequence[str] = ("caddy",)
    does = "GOMAXPROCS=1; JSON access log to a file, metrics, request id, X-Forwarded-*"

    def can(self, task: Task) -> bool:
        """Not the many-routes task, which compares the gateway with itself."""
        return task.routes == 1

    def prepare(self, task: Task) -> Command:
        """Write a `Caddyfile`."""
        path = task.directory / "Caddyfile"
        path.write_text(
            CONFIGURATION.format(
                site=f"{'https' if task.certificate else 'http'}://:{task.port}",
                protocols="h1 h2 h2c" if task.http2 and not task.certificate else "h1 h2",
                versions="versions h2c 2" if task.http2_backend else "",
                tls=f"tls {task.certificate.chain} {task.certificate.key}" if task.certificate else "",
                log=task.access_log,
                prefix=ROUTE_PREFIX,
                backend=task.backend_port,
            )
        )
        home = str(task.directory)
        return Command(
            [find("caddy") or "caddy", "run", "--adapter", "caddyfile", "--config", str(path)],
            env={"GOMAXPROCS": "1", "HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home},
        )
