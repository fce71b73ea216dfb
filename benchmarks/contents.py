"""Contents that proxies change: a document of 2 kB each way, and a list of 16 kB that is compressed."""

from __future__ import annotations

import json
from typing import Any

CHANGED_PATH = "/api/users/document"
LIST_PATH = "/api/users/list"

TENANT = "eu1"
"""What is put into both contents."""


def _written(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _document() -> dict[str, Any]:
    items = [
        {
            "id": 1000 + number,
            "name": f"Article {number} of the catalogue",
            "cost": 17 * number + 5,
            "price": {"amount": 29 * number + 9, "currency": "EUR"},
            "tags": ["new", "sale", f"group-{number % 5}"],
            "stock": number % 3 > 0,
        }
        for number in range(13)
    ]
    return {
        "user": {"id": 42, "name": "Ada Lovelace", "email": "ada@example.com", "roles": ["admin", "reader"]},
        "debug": {"host": "backend-7.internal", "took": 17},
        "items": items,
    }


DOCUMENT = _written(_document())
"""What is sent, and what is answered."""


def _changed() -> dict[str, Any]:
    made = _document()
    del made["debug"]
    for item in made["items"]:
        del item["cost"]
    return {**made, "tenant": TENANT}


CHANGED = _written(_changed())
"""What must arrive of it, each way: two members taken out, of which one is in a list, and one put in."""

LIST = _written(
    [
        {
            "id": 100_000 + 37 * number,
            "name": f"{('Ada', 'Grace', 'Barbara', 'Frances', 'Radia')[number % 5]} {number * number % 977}",
            "email": f"user-{number * 7919 % 10007}@example.com",
            "roles": ["reader", "writer"][: 1 + number % 2],
            "active": number % 3 > 0,
            "visited": f"2026-11-{1 + number % 28:02}T{number % 24:02}:{number * 7 % 60:02}:00Z",
        }
        for number in range(120)
    ]
)
"""An answer with as much repetition as answers have: gzip makes a seventh of it."""
