"""Where the configurations of a gateway come from: files that are watched, etcd, or who has made one.

Made before anything is built, by `gateway.tap`, which sees in it how many processes there are to be, or else by
`gateway.composition.lifecycle`.

Tests: `tests/composition/test_lifecycle.py::test_the_file_is_watched`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.application.service import MultiService

from gateway.composition.configured import Configuration, Configured
from gateway.composition.watcher import ConfigWatcher, inotify_notifier
from gateway.config import Settings, sources
from gateway.config.named_files import lists_named_by, named_files
from gateway.listening.endpoint_files import files_of

if TYPE_CHECKING:
    from gateway.discovery.documents import EtcdDocuments  # loaded with a configuration in etcd


class Origin(MultiService):
    """Reads configurations, and tells when there is another.

    Args:
        configured: What the configuration in force was made from.
        path: The file or directory; None where there is none.
        watcher: Tells when a file changes; None where nobody watches.
        documents: The configuration in etcd; None where it is not there.

    Attributes:
        configured: As given.
        path: As given.
        watcher: As given.
        documents: As given.
        changed: Called when there is another configuration, with who says so.
    """

    def __init__(
        self,
        configured: Configured,
        path: str | None = None,
        watcher: ConfigWatcher | None = None,
        documents: EtcdDocuments | None = None,
    ) -> None:
        super().__init__()
        self.changed: Callable[[str], object] = lambda who: None
        self.configured = configured
        self.path = path
        self.watcher = watcher
        self.documents = documents
        self._named: list[tuple[Settings, set[str]]] = []
        if watcher is not None:
            watcher.setServiceParent(self)
        self.watch(configured.settings)

    @property
    def settings(self) -> Settings:
        """What was read first, or is in force."""
        return self.configured.settings

    @property
    def words(self) -> str:
        """Say where it comes from, and whether a change is noticed."""
        if self.path is None:
            return "no file"
        watched = self.watcher is not None or self.documents is not None
        return f"{self.path} (watched)" if watched else self.path

    def watch(self, *all_settings: Settings) -> None:
        """Watch the files that configurations name."""
        if self.watcher is not None:
            # Of thousands of routes none is looked at again whose configuration was looked at before.
            known = {id(settings): (settings, names) for settings, names in self._named}
            self._named = [known.get(id(one)) or (one, files_named_by(one)) for one in all_settings]
            named = set().union(*(names for _, names in self._named))
            self.watcher.building(named, {name for settings in all_settings for name in lists_named_by(settings)})


def origin_of(configuration: Configuration, reactor: Any, environ: Mapping[str, str], watch: bool) -> Origin:
    """Read a configuration for the first time.

    Args:
        configuration: Settings, a mapping as in the file, or the path of a file or directory.
        reactor: Its clock, and its file descriptors for inotify.
        environ: For substitution and overrides.
        watch: Tell when a file changes.

    Raises:
        gateway.config.ConfigError: It is wrong.
    """
    path = sources.named(configuration)
    if sources.in_etcd(path):
        from gateway.composition.builders.discovery import read_documents  # loads what asks registries: few do

        documents = read_documents(path, environ)
        return Origin(Configured(configuration, environ, lambda: None, documents.sources), path, documents=documents)
    if path is None or not watch:
        return Origin(Configured(configuration, environ, lambda: None), path)
    made: list[Origin] = []
    # Made before anything is read: see Note [Nothing is missed between reading and watching].
    watcher = ConfigWatcher(Path(path), lambda: made[0].changed("watch"), reactor, inotify_notifier)
    made.append(Origin(Configured(configuration, environ, watcher.reading), path, watcher))
    return made[0]


def files_named_by(settings: Settings) -> set[str]:
    """Return the files, and directories of certificates, that a configuration names for reading."""
    endpoints = [*(listener.endpoint for listener in settings.listeners), settings.admin.endpoint]
    return named_files(settings).union(*map(files_of, endpoints))
