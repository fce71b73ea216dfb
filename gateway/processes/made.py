"""Settings that a parent has made, as it tells them to a worker: what is not as it is in force there.

Reading and checking five thousand routes takes more than a second of Python: the parent has done it, and each worker
would do it once more. Of the long lists what is the same object as before is told as its place.

# Note [The same code at both ends]
Objects that are pickled are no settings of another version of the package: a worker that was started after an
installation may be one. So what is told begins with what the code of both is, and with the names of what is in force.
Who finds another there takes nothing, and is told the files in place of it.

Tests: `tests/processes/test_made.py`.
"""

from __future__ import annotations

import pickle
from base64 import b64decode, b64encode
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import gateway
from gateway.config import Settings, schema
from gateway.config.loading import LISTS

LARGEST: Final = 40 << 20
"""Octets; who has more to tell tells the files."""


FILES: Final = "files"
"""What a worker answers that has to be told the files."""


class NotTold(Exception):
    """Settings cannot be told in this way: tell the files."""


def _code() -> str:
    """Return what settings are made by in this process: taken when it starts, since files may be others later."""
    digest = blake2b(gateway.__version__.encode(), digest_size=16)
    for path in sorted(Path(schema.__file__).parent.iterdir()):
        if path.is_file():
            found = path.stat()
            digest.update(f"{path.name} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


CODE: Final = _code()


def told(settings: Settings, before: Settings | None) -> list[str]:
    """Return settings as JSON can say them to a worker in which `before` is in force; None for nothing.

    Raises:
        NotTold: They cannot be said so.
    """
    things: dict[str, list[Any]] = {}
    for key in LISTS:
        places = {id(thing): place for place, thing in enumerate(getattr(before, key, ()))}
        things[key] = [places.get(id(thing), thing) for thing in getattr(settings, key)]
    without = settings.model_copy()
    without.__dict__.update(dict.fromkeys(LISTS, ()))  # not by `update`, which would count the keys as written
    try:
        pickled = pickle.dumps((without, things), pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # what a plugin's model holds may be anything
        raise NotTold(str(error)) from error
    if len(pickled) > LARGEST:
        raise NotTold(f"{len(pickled)} octets")
    return [CODE, _names(before), b64encode(pickled).decode()]


def heard(said: list[str], before: Settings | None) -> Settings:
    """Return the settings that were told.

    Raises:
        NotTold: They are made by other code, or for who has something else in force.
    """
    code, names, pickled = said
    if code != CODE or names != _names(before):
        raise NotTold("it is for another process")
    try:
        settings, things = pickle.loads(b64decode(pickled))  # noqa: S301 - from the parent, by a channel of its own
    except Exception as error:  # a plugin's code may be another by now
        raise NotTold(str(error)) from error
    made: Settings = settings
    for key in LISTS:
        known = getattr(before, key, ())
        made.__dict__[key] = tuple(known[one] if isinstance(one, int) else one for one in things[key])
    return made


def _names(settings: Settings | None) -> str:
    digest = blake2b(digest_size=16)
    for key in LISTS:
        for thing in getattr(settings, key, ()):
            digest.update(thing.name.encode("utf-8", "surrogatepass") + b"\0")
        digest.update(b"\1")
    return digest.hexdigest()
