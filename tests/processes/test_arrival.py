"""How a process that takes over starts. With real processes: `tests/system/test_upgrade.py`."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import capturedLogs, formatEvent

from gateway.config.lent_files import lent
from gateway.processes.arrival import LOG, WORKER, arrival
from gateway.processes.assignment import Assignment
from gateway.processes.handover import VARIABLE, Handover
from gateway.transport.inherited import Given


def options(**said: Any) -> dict[str, Any]:
    """Options as twistd has them."""
    return {"pidfile": "", "nodaemon": 0, "logfile": None, "syslog": False, "uid": 7, "gid": 8, **said}


def test_where_nobody_served_before_all_is_as_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file is known by its whole path: twistd may go to another directory."""
    monkeypatch.chdir(tmp_path)
    said = options(pidfile="g.pid")
    came = arrival({})

    came.adjust(said)
    came.serves(said)

    assert said == options(pidfile="g.pid")
    assert came.pidfile == str(tmp_path / "g.pid")
    assert came.init is None


@pytest.mark.parametrize(
    ("said", "log"),
    [({}, LOG), ({"nodaemon": 1}, None), ({"logfile": "a.log"}, "a.log"), ({"syslog": True}, None)],
)
def test_what_the_process_before_has_done_is_not_done_again(said: dict[str, Any], log: str | None) -> None:
    """It is in the background, has given its rights up, and its file is another's until this one serves."""
    read, status = os.pipe()
    listening = socket.create_server(("127.0.0.1", 0))
    given = Given(socket.AF_INET, "127.0.0.1", 0, listening.fileno())
    listening.set_inheritable(True)
    environ = {VARIABLE: Handover((given,), status, "/run/g.pid", 12).as_text()}
    twistd = options(pidfile="other", **said)

    came = arrival(environ)
    came.adjust(twistd)

    assert (twistd["pidfile"], twistd["uid"], twistd["gid"]) == ("", None, None)
    assert twistd["nodaemon"]
    assert twistd["logfile"] == log
    assert (came.pidfile, came.init) == ("/run/g.pid", 12)
    assert not listening.get_inheritable()
    assert came.inherited.take("127.0.0.1") == given
    listening.close()

    came.serves(twistd)
    came.serves(twistd)  # it is said once

    assert twistd["pidfile"] == "/run/g.pid"
    assert os.read(read, 100) == b"%d\n" % os.getpid()
    assert os.read(read, 100) == b""
    os.close(read)


@pytest.mark.parametrize("heard", [False, True])
def test_its_errors_are_read_until_it_serves(heard: bool) -> None:
    """After that they go nowhere: who reads them ends."""
    kept = os.dup(2)
    read, write = os.pipe()
    _, status = os.pipe()
    try:
        os.dup2(write, 2)
        os.close(write)
        came = arrival({VARIABLE: Handover((), status, heard=heard).as_text()})
        came.serves(options())
        os.write(2, b"late")
    finally:
        os.dup2(kept, 2)
        os.close(kept)

    assert os.read(read, 100) == (b"" if heard else b"late")
    os.close(read)


def test_who_started_it_may_be_gone() -> None:
    """It serves all the same."""
    read, status = os.pipe()
    os.close(read)

    came = arrival({VARIABLE: Handover((), status).as_text()})
    came.serves(options())


def memory(content: str) -> int:
    """What a process hands on, as a descriptor."""
    descriptor = os.memfd_create("files")
    os.write(descriptor, content.encode())
    return descriptor


def test_files_that_it_may_not_read_are_lent_until_it_serves() -> None:
    """Whoever reads the log knows that they are those of another time."""
    read, status = os.pipe()
    came = arrival({VARIABLE: Handover((), status, files=memory('{"/etc/key.pem": "a2V5"}')).as_text()})
    assert lent.content("/etc/key.pem") == b"key"

    with capturedLogs() as events:
        came.serves(options())

    assert [formatEvent(event) for event in events] == [
        "Files that this process may not read are as the process before it has read them: /etc/key.pem"
    ]
    assert lent.content("/etc/key.pem") is None
    lent.used.clear()
    os.close(read)


def test_a_worker_is_lent_files_too() -> None:
    """It is told by its parent which there are."""
    channel = os.open(os.devnull, os.O_RDONLY)
    told = Assignment(0, channel, -1, -1, (), (), memory('{"/etc/key.pem": "a2V5"}'))

    came = arrival({WORKER: told.as_text()})

    assert came.worker == told
    assert lent.content("/etc/key.pem") == b"key"
    lent.end()
    lent.used.clear()
    os.close(channel)
