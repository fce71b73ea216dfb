"""The whole configuration in etcd: `--config etcd+http://HOST:PORT/PREFIX/`, a YAML or JSON document in each key.

Read once before anything runs (`fetch`, which waits), then followed: `gateway.composition.lifecycle` applies what has
changed as it does with files. What was read last is kept in memory, so that SIGHUP and changes over the admin port need
nobody; a cluster that is away, or has lost its keys, changes nothing.

Credentials come from the environment (`GATEWAY_ETCD_USER`, `GATEWAY_ETCD_PASSWORD`): everybody reads a command line.

Tests: `tests/discovery/test_documents.py`.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import CancelledError
from twisted.internet.task import deferLater
from twisted.logger import Logger

from gateway.config.problems import ConfigError, Place, Problem, problem
from gateway.config.sources import Source, Sources, decoded
from gateway.discovery.asking import LARGEST, TIMEOUT, member_of
from gateway.discovery.backoff import LONGEST, BackOff
from gateway.discovery.contract import SourceFault
from gateway.discovery.etcd import EtcdKeys, pair, question_of
from gateway.discovery.following import Following

SETTLED: Final = 0.2
"""Seconds without a change after which what has changed is applied: who writes three keys means one change."""
USER: Final = "GATEWAY_ETCD_USER"
PASSWORD: Final = "GATEWAY_ETCD_PASSWORD"  # noqa: S105 - the name of a variable

_URL = re.compile(r"etcd\+(https?)://([^/?#@\s]+)(/[^?#\s]*)")
_JSON: Final = {"Content-Type": "application/json"}

_log = Logger(namespace="gateway.config")


class EtcdDocuments(Following):
    """The documents below a prefix of etcd.

    Args:
        url: As `--config` has it.
        environ: Has the credentials.

    Attributes:
        url: As given.
        endpoint: Base URL of the cluster's member.
        prefix: Of the keys.
        credentials: User and password; None without authentication.

    Raises:
        ConfigError: This is no such URL.
    """

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:
        found = _URL.fullmatch(url)
        if found is None:
            shown = re.sub(r"//[^/]*@", "//**********@", url)
            words = "a URL such as etcd+http://127.0.0.1:2379/gateway/, without user and password"
            raise ConfigError([problem(Place(shown, 1, 1), "", words, f'"{shown}"')])
        self.url = url
        self.endpoint = f"{found[1]}://{found[2]}"
        self.prefix = found[3]
        user, password = environ.get(USER), environ.get(PASSWORD)
        self.credentials = None if not user or password is None else (user, password)
        self._found: dict[bytes, bytes] = {}
        self._keys: EtcdKeys | None = None
        self._changed: Callable[[], object] = lambda: None
        self._reactor: Any = None
        self._backoff = BackOff(lambda: 0.5, LONGEST)
        self._failing = False

    def fetch(self) -> None:
        """Read the documents; waits, and so is for the time before the reactor runs.

        Raises:
            ConfigError: They cannot be read, or there are none.
        """
        try:
            fields = dict(_JSON)
            if self.credentials is not None:
                said = dict(zip(("name", "password"), self.credentials, strict=True))
                fields["Authorization"] = str(member_of(self._ask("auth/authenticate", said, fields), "token"))
            keys = member_of(self._ask("kv/range", question_of(self.prefix), fields), "kvs")
            self._found = dict(pair(one, self.endpoint) for one in keys or ())
        except (OSError, ValueError, TypeError, SourceFault) as error:
            words = error.reason if isinstance(error, urllib.error.URLError) else error
            raise ConfigError([problem(Place(self.url, 1, 1), "", "an answer of etcd", f"an error: {words}")]) from None
        if not self._found:
            raise ConfigError([problem(Place(self.url, 1, 1), "", "a document in a key below the prefix", "none")])

    def sources(self, problems: list[Problem]) -> Sources:
        """Return the documents, in the order of their keys, as the files of a directory."""
        files = []
        for key, value in sorted(self._found.items()):
            name = f"{self.url}{key.decode('utf-8', 'replace').removeprefix(self.prefix)}"
            text = decoded(value, name, problems)
            if text is not None:
                files.append(Source(name, text))
        return Sources(Path().absolute(), tuple(files), {})

    def follow(self, keys: EtcdKeys, changed: Callable[[], object], reactor: Any, chance: Callable[[], float]) -> None:
        """Have `changed` called when the documents are others, once the service runs.

        Args:
            keys: Follows the keys.
            changed: Reads them again, by `sources`.
            reactor: Keeps time.
            chance: From 0 up to 1.
        """
        self._keys, self._changed, self._reactor = keys, changed, reactor
        self._backoff = BackOff(chance, LONGEST)

    def stopService(self) -> None:
        """Follow no more."""
        super().stopService()
        if self._keys is not None:
            self._keys.close()

    async def _run(self) -> None:
        assert self._keys is not None
        while True:
            try:
                await self._keys.follow(self._heard)
            except SourceFault as fault:
                self._tell(str(fault))
            except CancelledError:
                raise
            except Exception:  # noqa: BLE001 - what etcd says must not end it
                _log.failure("Following the configuration in etcd failed")
            await deferLater(self._reactor, self._backoff.pause())

    def _heard(self, found: dict[bytes, bytes]) -> None:
        self._backoff.reset()
        if not found:
            self._tell("there is no key below the prefix any more")
            return
        if self._failing:
            self._failing = False
            _log.info("The configuration at {url} can be read again", url=self.url, event="config_source.current")
        if found != self._found:
            self._found = dict(found)
            if self._later is not None:
                self._later.cancel()
            self._later = self._reactor.callLater(SETTLED, self._settled)

    def _settled(self) -> None:
        self._later = None
        self._changed()

    def _tell(self, why: str) -> None:
        if not self._failing:
            self._failing = True
            _log.warn(
                "The configuration at {url} stays as it was read last: {cause}",
                url=self.url,
                cause=why,
                event="config_source.stale",
            )

    def _ask(self, what: str, said: Any, fields: Mapping[str, str]) -> Any:
        body = json.dumps(said).encode()
        # The scheme is one of two: see `_URL`.
        request = urllib.request.Request(f"{self.endpoint}/v3/{what}", body, dict(fields))  # noqa: S310
        # nosemgrep: blocking-http - the reactor does not run yet: see `fetch`
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            content = answer.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ValueError(f"the answer is longer than {LARGEST} octets")
        return json.loads(content)
