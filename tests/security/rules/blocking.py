# Examples for the rules in blocking.yaml: each line below a `ruleid` must be found, none below an `ok`.
import asyncio
import hmac
import http.client
import os
import random
import socket
import subprocess
import threading
import time
import urllib.request
from pathlib import Path
from subprocess import run

import requests

# ruleid: global-reactor
from twisted.internet import reactor
# ok: global-reactor
from twisted.internet import defer
from twisted.internet.threads import blockingCallFromThread, deferToThread


def sleeps(clock):
    # ruleid: blocking-sleep
    time.sleep(1)
    # ok: blocking-sleep
    return clock.callLater(1, print)


def looks_up(resolver):
    # ruleid: blocking-name
    socket.getaddrinfo("example", 80)
    # ruleid: blocking-name
    socket.create_connection(("example", 80))
    # ok: blocking-name
    return resolver.resolve("example")


def asks(agent):
    # ruleid: blocking-http
    requests.get("http://example")
    # ruleid: blocking-http
    urllib.request.urlopen("http://example")
    # ruleid: blocking-http
    http.client.HTTPConnection("example")
    # ok: blocking-http
    return agent.request(b"GET", b"http://example")


def starts(reactor):
    # ruleid: blocking-process
    subprocess.run(["true"])
    # ruleid: blocking-process
    run(["true"])
    # ruleid: blocking-process
    os.system("true")
    # ok: blocking-process
    return reactor.spawnProcess(None, "true")


def waits(reactor, function):
    # ruleid: blocking-wait
    blockingCallFromThread(reactor, function)
    # ruleid: blocking-wait
    asyncio.run(function())
    # ruleid: blocking-wait
    done = threading.Event()
    done.wait()
    # ok: blocking-wait
    return deferToThread(function)


def reads(path: Path):
    # ruleid: blocking-file
    path.read_text()
    # ruleid: blocking-file
    with open(path) as file:
        # ok: blocking-file
        return file.name


def decides(now, chance):
    # ruleid: clock-in-decision
    late = time.monotonic()
    # ruleid: clock-in-decision
    lot = random.random()
    # ok: clock-in-decision
    return now + chance.random() + late + lot


def compares(secret, given):
    # ruleid: secret-compared-plainly
    if secret == given:
        return True
    # ok: secret-compared-plainly
    return hmac.compare_digest(secret, given)
