"""nginx as a proxy."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.backend import nginx_user
from benchmarks.peers import find
from benchmarks.processes import Command
from benchmarks.workload import KEPT, ROUTE_PREFIX, Task

_CONFIGURATION = """
{modules}
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid {directory}/nginx.pid;
error_log stderr warn;
{user}
events {{ worker_connections 12000; }}
http {{
  log_format access escape=json '{{"ts":"$time_iso8601","request_id":"$request_id","method":"$request_method",'
    '"path":"$uri","query":"$args","status_code":$status,"response_time_ms":"$request_time",'
    '"client_ip":"$remote_addr","user_agent":"$http_user_agent","upstream_response_time_ms":"$upstream_response_time"}}';
  access_log {log} access buffer=64k flush=250ms;
  keepalive_requests 100000000;
  keepalive_timeout 300s;
  client_max_body_size 10m;
  client_body_temp_path {directory}/bodies;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  {keeps}
  {http}
  upstream users {{ server 127.0.0.1:{backend}; keepalive {kept}; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} {ssl} {http2} backlog=4096;
    {certificate}
    http2_max_concurrent_streams 256;
    {locations}
    location {prefix} {{
      proxy_pass http://users;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Request-ID $request_id;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      add_header X-Request-ID $request_id always;
      {uses}
    }}
  }}
}}
"""

# Up to nginx 1.23.3 TLS 1.3 had to be asked for.
_PROTOCOLS = "ssl_protocols TLSv1.2 TLSv1.3;"


class Nginx:
    """nginx with one worker process."""

    name = "nginx"
    needs: Sequence[str] = ("nginx",)
    does = "one worker; JSON access log (buffered 0.25 s), request id, X-Forwarded-*; no metrics; bodies streamed up"
    keeps = ""
    """What the section of HTTP has besides."""
    uses = ""
    """What the location has besides."""

    def can(self, task: Task) -> bool:
        """Not the many-routes task, which compares the gateway with itself; it speaks no HTTP/2 to backends."""
        return task.routes == 1 and not task.http2_backend

    modules = ""
    """Modules that are loaded."""

    locations = ""
    """Those beside the one that passes requests on."""

    def http(self, task: Task) -> str:
        """Return what stands in `http` besides."""
        return ""

    def prepare(self, task: Task) -> Command:
        """Write `nginx.conf`."""
        certificate = task.certificate
        path = task.directory / "nginx.conf"
        path.write_text(
            _CONFIGURATION.format(
                directory=task.directory,
                user=nginx_user(),
                log=task.access_log,
                keeps=self.keeps.format(directory=task.directory),
                uses=self.uses,
                backend=task.backend_port,
                port=task.port,
                modules=self.modules,
                http=self.http(task),
                locations=self.locations,
                prefix=ROUTE_PREFIX,
                kept=KEPT if task.http2 else 128,
                http2="http2" if task.http2 else "",
                ssl="ssl" if certificate else "",
                certificate=(
                    f"ssl_certificate {certificate.chain}; ssl_certificate_key {certificate.key}; {_PROTOCOLS}"
                    if certificate
                    else ""
                ),
            )
        )
        return Command([find("nginx") or "nginx", "-p", str(task.directory), "-c", str(path), "-e", "stderr"])
