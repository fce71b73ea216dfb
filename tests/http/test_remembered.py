from __future__ import annotations

from pathlib import Path

from gateway.http.remembered import remembered

ROOT = Path(__file__).parents[2]


def test_a_text_of_usual_length_is_worked_out_once() -> None:
    """A longer one each time; and of more texts than there is room for, the one not asked for longest goes."""
    worked_out: list[bytes] = []

    def work_out(text: bytes) -> int:
        worked_out.append(text)
        return len(text)

    ask = remembered(work_out, most=2, longest=3)

    assert [ask(text) for text in (b"", b"abc", b"abc", b"abcd", b"abcd", b"", b"x", b"abc")] == [
        0,
        3,
        3,
        4,
        4,
        0,
        1,
        3,
    ]
    assert worked_out == [b"", b"abc", b"abcd", b"abcd", b"x", b"abc"]


NO_CLIENTS = {
    "gateway/composition/builders/admission.py",
    "gateway/dialling/plain.py",
    "gateway/http2/ngh2_beginning.py",
    "gateway/transport/client_hello.py",
}
"""Where a memory is asked with limits of the configuration or with URLs of the gateway's own requests, or keeps one
message of a client, as long as what one read takes."""


def test_no_memory_of_what_clients_send_is_bounded_by_number_alone() -> None:
    """`lru_cache` bounds how many results are kept, and what a client sends may be as long as a head."""
    users = {
        str(path.relative_to(ROOT)) for path in (ROOT / "gateway").rglob("*.py") if "lru_cache" in path.read_text()
    }
    assert users - NO_CLIENTS == {"gateway/http/remembered.py"}
