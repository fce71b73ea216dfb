"""The gateway and nginx with answers kept before the backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.proxies.gateway import Gateway, configuration
from benchmarks.proxies.nginx import Nginx
from benchmarks.workload import Task


class Caching(Gateway):
    """The gateway that keeps answers in memory.

    Args:
        name: In the table.
        checkout: As for `Gateway`.
    """

    def __init__(self, name: str, checkout: Path) -> None:
        super().__init__(name, checkout)
        self.does = "as gateway, with answers kept in memory; Cache-Status in each"

    def configuration(self, task: Task) -> dict[str, Any]:
        """Add the cache."""
        plain = configuration(task)
        return {**plain, "routes": [{**one, "cache": {}} for one in plain["routes"]]}


class CachingNginx(Nginx):
    """nginx with its `proxy_cache`, set up for speed: the files stay open, and the kernel has them in memory."""

    name = "nginx+cache"
    does = "as nginx, with `proxy_cache`: index in shared memory, files that stay open; X-Cache-Status; access log"
    keeps = """
  proxy_cache_path {directory}/kept levels=1:2 keys_zone=kept:10m inactive=1h max_size=64m use_temp_path=off;
  open_file_cache max=1000 inactive=1h;
  open_file_cache_valid 1h;
  sendfile on;
  tcp_nopush on;"""
    uses = """
      proxy_cache kept;
      proxy_cache_key $scheme$host$request_uri;
      proxy_cache_lock on;
      add_header X-Cache-Status $upstream_cache_status always;"""
