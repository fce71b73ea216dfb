"""An application server at a UNIX socket, in a process of its own: `python -m tests.system.app_server PATH`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from aiohttp import WSMsgType, web

from tests.system.gateway_process import ROOT, until


async def answer(request: web.Request) -> web.StreamResponse:
    """Say what was asked for, and by whom; a body is given back, a WebSocket echoes."""
    if request.headers.get("Upgrade", "").lower() == "websocket":
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await socket.send_str(f"echo {message.data}")
        return socket
    seen = {name: request.headers.getall(name, []) for name in ("Host", "X-Forwarded-For", "X-Real-IP")}
    return web.json_response(
        {"path": request.raw_path, "pid": os.getpid(), "length": len(await request.read()), **seen}
    )


async def serve(path: str) -> None:
    """Serve until the process is ended."""
    application = web.Application(client_max_size=1 << 26)
    application.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.UnixSite(runner, path).start()
    await asyncio.Event().wait()


@contextlib.contextmanager
def app_server(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run one for as long as the block lasts."""
    process = subprocess.Popen([sys.executable, "-m", "tests.system.app_server", path], cwd=ROOT)
    try:
        until(path.exists, "the application server does not come up")
        yield process
    finally:
        process.kill()
        process.wait()
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
