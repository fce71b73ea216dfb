"""`python -m tests.differential.play KIND SCRIPT TRANSCRIPT`: one gateway after the other lives through the script.

The script is a pickle of what `tests.differential.script.write` returns; what came of it is written to the transcript.
"""

from __future__ import annotations

import pickle
import re
import sys
from collections import deque
from pathlib import Path

from twisted.logger import capturedLogs

from gateway.compiled import KIND
from gateway.memory.backend import Asked, BackendConnection
from gateway.testing import FakeClient, Harness
from tests.differential.configurations import BACKENDS, CONFIGURATIONS
from tests.differential.script import Answer, Chapter, Conversation, Step
from tests.differential.transcript import Transcript

OF_THE_PROCESS = re.compile(rb"^(# \w+ )?(process_|python_|gateway_build).*\n", re.MULTILINE)
"""Series that no two processes have in common."""


class Stage:
    """One gateway, and what its backends still have to say."""

    def __init__(self, chapter: Chapter) -> None:
        settings = CONFIGURATIONS[chapter.configuration]
        self.harness = Harness(*BACKENDS, seed=chapter.seed, disorder=chapter.disorder, **settings)
        self._clients: list[FakeClient] = []
        self._answers: deque[Answer] = deque()
        self._owed: deque[tuple[BackendConnection, deque[bytes], str]] = deque()
        self._answered: set[Asked] = set()
        for name in BACKENDS:
            self.harness.backend(name).answer_head = self._head_came
            self.harness.backend(name).answer = self._message_came

    def play(self, conversation: Conversation) -> None:
        """Let it happen; then the clients leave."""
        self._clients, self._answers = [], deque(conversation.answers)
        self._owed.clear()
        self._answered.clear()
        for step in conversation.steps:
            self._take(step)
        self.harness.hang_up()

    def _take(self, step: Step) -> None:
        if step.what == "client":
            self._clients.append(self.harness.client(step.octets.decode()))
        elif step.what == "send":
            self._clients[step.client].send(step.octets)
        elif step.what == "pay":
            self._pay()
        elif step.what == "wait":
            self.harness.advance(step.seconds)
        else:
            getattr(self._clients[step.client], step.what)()
        self.harness.network.pump()

    def _head_came(self, asked: Asked) -> None:
        if self._answers and self._answers[0].early:
            self._answered.add(asked)
            self._say(asked.connection, self._answers.popleft())

    def _message_came(self, asked: Asked) -> None:
        if self._answers and asked not in self._answered:
            self._say(asked.connection, self._answers.popleft())

    def _say(self, connection: BackendConnection, answer: Answer) -> None:
        self._owed.appendleft((connection, deque(answer.pieces), answer.end))
        self._pay()

    def _pay(self) -> None:
        if not self._owed:
            return
        connection, pieces, end = self._owed.popleft()
        if pieces:
            connection.send(pieces.popleft())
        if pieces:
            self._owed.append((connection, pieces, end))
        elif end:
            getattr(connection, end)()


def play(script: list[Chapter], transcript: Transcript) -> None:
    """Let a gateway live through each chapter."""
    for number, chapter in enumerate(script):
        title = f"chapter {number} ({chapter.configuration})"
        transcript.section(title)
        with capturedLogs() as events:
            stage = Stage(chapter)
            for at, conversation in enumerate(chapter.conversations):
                transcript.section(f"{title}, conversation {at}")
                stage.play(conversation)
            stage.harness.advance(46)
            stage.harness.check_quiet()
        metrics = stage.harness.gateway.foundation.metrics
        transcript.note(OF_THE_PROCESS.sub(b"", metrics.exposition(b"", stage.harness.now())[1]))
        for event in events:
            if "log_failure" in event:
                raise AssertionError(f"{title}: {event['log_failure'].getTraceback()}")


def main() -> None:
    """Play a script."""
    kind, script, transcript = sys.argv[1:]
    if kind != KIND:
        raise RuntimeError(f"the gateway is {KIND}")
    with Path(transcript).open("wb") as file:
        record = Transcript(file)
        record.watch()
        play(pickle.loads(Path(script).read_bytes()), record)


if __name__ == "__main__":
    main()
