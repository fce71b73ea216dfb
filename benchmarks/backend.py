"""The origin behind every proxy: nginx with a small answer, a large one, and a sink for uploads."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.contents import CHANGED_PATH, DOCUMENT, LIST, LIST_PATH, TENANT
from benchmarks.peers import find
from benchmarks.processes import Command, Process
from benchmarks.workload import (
    ANSWER,
    DOWNLOAD_PATH,
    FRESH_PATH,
    GRPC_MESSAGE,
    GRPC_PATH,
    KEPT_FOR,
    KEPT_PATH,
    KEPT_SIZE,
    LARGE_MEBIBYTES,
    LARGE_PATH,
    MEBIBYTE,
    TRACES_PATH,
    UPLOAD_PATH,
)

# Bytes in no order, so that a piece lost, doubled or moved on the way shows.
BLOB = os.urandom(MEBIBYTE)

_CONFIGURATION = """
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid {directory}/nginx.pid;
error_log stderr warn;
{user}
events {{ worker_connections 8192; }}
http {{
  access_log off;
  keepalive_requests 100000000;
  keepalive_timeout 300s;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=10;
  client_body_temp_path {directory}/bodies;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  default_type application/json;
  upstream messages {{ server unix:{directory}/messages.sock; keepalive 128; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    {locations}
  }}
  # This version of nginx speaks nothing but HTTP/2 there.
  server {{
    listen 127.0.0.1:{http2_port} http2 backlog=4096;
    http2_max_concurrent_streams 256;
    {locations}
    location = {grpc} {{
      add_trailer grpc-status 0;
      proxy_method GET;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header Connection "";
      proxy_http_version 1.1;
      proxy_pass http://messages/message;
    }}
  }}
  server {{
    listen unix:{directory}/messages.sock;
    location = /message {{ default_type application/grpc; alias {directory}/message; }}
  }}
  server {{
    listen unix:{directory}/sink.sock;
    # A proxy that loses the body, or part of it, must not look fast: less than a million bytes is a failed request.
    if ($http_x_received !~ "^[0-9]{{7}}") {{ return 400; }}
    location / {{ return 200 '{{"received": $http_x_received}}\\n'; }}
  }}
  server {{
    listen unix:{directory}/changed.sock;
    # A content that was not changed is a failed request.
    if ($http_x_content !~ '"tenant":"{tenant}"') {{ return 400; }}
    if ($http_x_content ~ '"debug"|"cost"') {{ return 400; }}
    location / {{ return 200 '{document}'; }}
  }}
}}
"""

_LOCATIONS = """
    location / {{ return 200 '{answer}'; }}
    # A collector of spans, which looks at none.
    location = {traces} {{ client_max_body_size 8m; return 200; }}
    # A head that differs in each answer.
    location = {fresh} {{ add_header X-Answered $request_id; return 200 '{answer}'; }}
    # Another content in each answer, of one length: who gives the same one twice has kept it.
    location = {kept} {{ add_header Cache-Control "{kept_for}"; return 200 '{kept_answer}'; }}
    location = {download} {{ default_type application/octet-stream; alias {directory}/blob; }}
    # `return` alone would answer before the body has come. Passing on reads the whole body first, into memory.
    location = {upload} {{
      client_max_body_size 2m;
      client_body_buffer_size 2m;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header X-Received $request_length;
      proxy_pass http://unix:{directory}/sink.sock:/;
    }}
    location = {list} {{ alias {directory}/list; }}
    # Not `=`: the script of nginx asks for it by a subrequest, with a slash at the end.
    location {changed} {{
      client_body_buffer_size 16k;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header X-Content $request_body;
      proxy_pass http://unix:{directory}/changed.sock:/;
    }}
    location = {large} {{ default_type application/octet-stream; alias {directory}/large; }}
"""


def start(directory: Path, port: int, http2_port: int) -> Process:
    """Start the backend and wait until it answers.

    Args:
        directory: For its files.
        port: Where it listens.
        http2_port: Where it listens for HTTP/2 by prior knowledge.
    """
    nginx = find("nginx")
    if nginx is None:
        raise FileNotFoundError("the backend is nginx, which is not installed: apt-get install nginx-light")
    directory.mkdir(parents=True)
    (directory / "blob").write_bytes(BLOB)
    (directory / "message").write_bytes(GRPC_MESSAGE)
    (directory / "list").write_bytes(LIST)
    with (directory / "large").open("wb") as large:
        large.writelines(BLOB for _ in range(LARGE_MEBIBYTES))
    locations = _LOCATIONS.format(
        directory=directory,
        answer=ANSWER.decode().replace("\n", "\\n"),
        traces=TRACES_PATH,
        fresh=FRESH_PATH,
        kept=KEPT_PATH,
        kept_for=KEPT_FOR,
        kept_answer=_kept_answer(),
        download=DOWNLOAD_PATH,
        large=LARGE_PATH,
        list=LIST_PATH,
        changed=CHANGED_PATH,
        upload=UPLOAD_PATH,
    )
    configuration = directory / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            directory=directory,
            port=port,
            user=nginx_user(),
            locations=locations.strip(),
            http2_port=http2_port,
            grpc=GRPC_PATH,
            document=DOCUMENT.decode(),
            tenant=TENANT,
        )
    )
    argv = [nginx, "-p", str(directory), "-c", str(configuration), "-e", "stderr"]
    process = Process(Command(argv), directory / "output.log")
    process.wait_for_port(port)
    return process


def _kept_answer() -> str:
    """Return what nginx makes an answer of `KEPT_SIZE` octets from: its variable is 32 digits."""
    start, end = '{"answered": "$request_id", "text": "', '"}\\n'
    return start + "." * (KEPT_SIZE - len(start) - len(end) + len("$request_id") - 32 + 1) + end


def nginx_user() -> str:
    """The `user` line: started by root, nginx would work as `nobody`, who may not read our directory."""
    return "user root;" if os.geteuid() == 0 else ""
