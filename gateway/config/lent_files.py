"""Files that this process may not read, as another process has read them for it.

# Note [What root has read]
Under twistd's `--uid` a gateway reads its files as root and serves as another user. A process that it starts, a worker
or the one that takes over, is that user from its first instruction, and could not read a key that only root may read.
So the contents of such files are handed on (`gateway.processes.held_files`) and lent to whoever reads files here, until
that process serves. They are for its start only: a reload asks what is in the files now, and where nobody may look it
is refused, in one process as in several (D-279).

Asked by `gateway.config.regular` where a file may not be opened, and by who lists a directory. Rights belong to a
process, and so does what stands in for them: this is one table for the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class LentFiles:
    """The contents by name, as the configuration has the names.

    Attributes:
        used: Names of files that were asked for.
    """

    def __init__(self) -> None:
        self._contents: Mapping[str, bytes] = {}
        self.used: set[str] = set()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._contents)

    def lend(self, contents: Mapping[str, bytes]) -> None:
        """Have contents for files that may not be read."""
        self._contents = contents

    def end(self) -> None:
        """Have none any more: this process has started."""
        self._contents = {}

    def content(self, path: str | Path) -> bytes | None:
        """Return what a file holds that may not be read; None where nobody has said."""
        name = str(Path(path))
        found = self._contents.get(name)
        if found is not None:
            self.used.add(name)
        return found

    def below(self, directory: Path) -> list[Path]:
        """Return the files below a directory, which may not be listed."""
        return [path for path in map(Path, self._contents) if directory in path.parents]


lent = LentFiles()
"""Those of this process."""
