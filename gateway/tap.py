"""Run the gateway under twistd: `twistd -n gateway --config etc/gateway.yaml`.

`gateway run` (`gateway.cli`) is twistd in the foreground with the same options.

Named by `twisted/plugins/gateway_plugin.py`. The reactor is imported here, and
everything below gets it as an argument.
"""

from __future__ import annotations

import gc
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import ILogObserver, Logger
from twisted.python import usage
from twisted.python.components import Componentized

from gateway import early
from gateway.commands.proxying import admin_endpoint
from gateway.composition.origin import files_named_by, origin_of
from gateway.composition.signals import Signals, StopSignals
from gateway.config import ConfigError
from gateway.config.lent_files import lent
from gateway.config.problems import suggestion
from gateway.config.processes import how_many
from gateway.processes.arrival import LOG, Arrival, arrival
from gateway.processes.first import Reaper, stay
from gateway.processes.held_files import HeldFiles
from gateway.processes.notify import Notify
from gateway.processes.upgrade import Upgrade, command_line
from gateway.telemetry.logging import observer
from gateway.transport import descriptors
from gateway.transport.loop import dispatch_directly

if TYPE_CHECKING:
    # One of them is loaded when it is known how many processes there are to be.
    from gateway.composition.lifecycle import GatewayService
    from gateway.composition.origin import Origin
    from gateway.processes.assignment import Assignment
    from gateway.processes.parent import Parent

_log = Logger()

_NO_OPTION = re.compile("option --([^ ]*) not recognized")

YOUNG: Final = 10_000
"""Objects that have come and not gone before the garbage collector looks at young ones; Python's own is 700 (D-324)."""

SAMPLE = Path("etc/gateway.yaml")
"""The configuration that is used without `--config`: the sample of a checkout."""


class Options(usage.Options):
    """The command line after `twistd gateway`."""

    synopsis = "[options]"
    longdesc = "Proxies HTTP as its configuration says. `gateway check PATH` tells what is wrong with one."
    optParameters = [  # noqa: RUF012 - a list, since twisted.python.usage joins it to those of its bases
        [
            "config",
            "c",
            None,
            "YAML or JSON file, a directory of them, or etcd+http://HOST:PORT/PREFIX/ (default: etc/gateway.yaml)",
        ],
    ]
    optFlags = [  # noqa: RUF012 - as above
        ["welcome", None, "no gateway: show a page that says what to do next (`gateway run` without a configuration)"],
    ]

    def __init__(self) -> None:
        super().__init__()
        self["proxy"] = []

    def parseOptions(self, options: Sequence[str] | None = None) -> None:  # noqa: N802  # Twisted's
        """Read the command line; an option that there is not is answered with the nearest.

        Raises:
            usage.UsageError: It cannot be read.
        """
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            found = _NO_OPTION.fullmatch(str(error))
            near = suggestion(found[1], [name.rstrip("=") for name in self.longOpt]) if found else ""
            if not near:
                raise
            raise usage.UsageError(f"{error}{near.replace('`', '`--', 1)}") from None

    def opt_proxy(self, form: str) -> None:
        """In place of a file: LISTEN=BACKEND, such as 8080=http://127.0.0.1:9001; may be said several times."""
        self["proxy"].append(form)

    def postOptions(self) -> None:
        """Settle on a configuration.

        Raises:
            usage.UsageError: No configuration is named, and the working directory has no sample; or several are.
        """
        self.arrival = arrival(os.environ)
        if self.parent is not None:
            self.arrival.adjust(self.parent)
        said = [name for name in ("config", "proxy", "welcome") if self[name] not in (None, [], 0)]
        if len(said) > 1:
            raise usage.UsageError(f"one of --{' and --'.join(said)}: each of them is the whole configuration")
        if self["config"] == "":
            # Taken for a path it would be the working directory: a variable that is not set must not choose that.
            raise usage.UsageError("which configuration? --config is empty")
        if not said:
            if not SAMPLE.exists():
                raise usage.UsageError("which configuration? Say --config PATH")
            self["config"] = str(SAMPLE)
        asked = self["proxy"] and self.arrival.worker is None  # a worker's parent has settled on it
        self.configuration = self._proxying(self["proxy"]) if asked else self["config"]

    def _proxying(self, proxies: list[str]) -> dict[str, Any]:
        """Return the configuration that `--proxy` stands for."""
        from gateway.config.proxies import ProxyError, as_mapping

        try:
            return as_mapping(proxies, admin_endpoint(inherited=self.arrival.inherited))
        except ProxyError as error:
            raise usage.UsageError(f"--proxy: {error}") from None


class ForegroundService(MultiService):
    """Services with a log of their own, where twistd runs in the foreground.

    Args:
        log: Its observer; None for twistd's own.
    """

    def __init__(self, log: ILogObserver | None) -> None:
        super().__init__()
        self._log = log

    def setServiceParent(self, parent: Any) -> None:
        """Hang under twistd's application, and give it our log observer unless the command line names another."""
        if self._log is not None and isinstance(parent, Componentized) and parent.getComponent(ILogObserver) is None:
            parent.setComponent(ILogObserver, self._log)
        super().setServiceParent(parent)


class TwistdService(ForegroundService):
    """A gateway with what it has in a process of its own: signals, a log, a process before and one after it.

    Args:
        gateway: The gateway, of one process or of several.
        reactor: The running one.
        log: Its observer; None for twistd's own.
        twistd: The options of twistd, of which it reads the PID file when it ends.
        came: How this process came to be.
        notify: Tells systemd.
        held: Files that processes which this one starts may not read.
    """

    def __init__(
        self,
        gateway: GatewayService | Parent,
        reactor: Any,
        log: ILogObserver | None,
        twistd: MutableMapping[str, Any],
        came: Arrival,
        notify: Notify,
        held: HeldFiles,
    ) -> None:
        super().__init__(log)
        self._gateway = gateway
        self._reactor = reactor
        self._twistd = twistd
        self._came = came
        self._notify = notify
        self._held = held
        self._successor: int | None = None
        self._news: int | None = None
        gateway.setServiceParent(self)
        gateway.came_into_force = held.changed
        init = came.init
        if os.getpid() == 1:
            Reaper(reactor).setServiceParent(self)
            self._news, init = os.pipe()
        self._upgrade = Upgrade(
            reactor,
            command_line(sys.orig_argv),
            str(Path.cwd()),
            gateway.ports.sockets,
            came.pidfile,
            self._hand_over,
            init,
            files=held.handed_on,
            hear=came.background,
        )
        actions: dict[int, Callable[[], object]] = {
            signal.SIGHUP: self._reload,
            signal.SIGUSR1: gateway.reopen_logs,
            signal.SIGUSR2: self._succeed,
        }
        self._signals = Signals(reactor, actions, early.noted.numbers)
        self._signals.setServiceParent(self)
        StopSignals(reactor, lambda: gateway.stopping, gateway.hurry).setServiceParent(self)

    def privilegedStartService(self) -> None:
        """Open the ports, and read what this process may not read later, with the rights that twistd will give up."""
        if lent or self._twistd.get("uid") is not None or self._twistd.get("gid") is not None:
            self._held.read()
        super().privilegedStartService()

    def startService(self) -> None:
        """Serve, and say so once the reactor runs."""
        self._held.rights_are_gone()
        super().startService()
        self._reactor.callWhenRunning(self._serves)

    def _serves(self) -> None:
        self._gateway.ports.take_over()
        self._came.serves(self._twistd)
        self._notify.ready()

    def _reload(self) -> None:
        if self._gateway.reads_files:
            self._notify.reloading()
            self._gateway.reload("SIGHUP").addBoth(lambda _: self._notify.ready())
        else:
            _log.info("SIGHUP: there is no file to read again")

    def _succeed(self) -> None:
        # A change that opens a port has it before the new process could open it; when it is over that one is handed it.
        self._gateway.changes.settled().addCallback(lambda _: self._succeed_now())

    def _succeed_now(self) -> None:
        if self._gateway.stopping:
            _log.info("SIGUSR2: the gateway is stopping")
        elif self._twistd.get("chroot"):
            _log.error("SIGUSR2: with --chroot nothing can be started anew")
        else:
            self._upgrade.begin()

    def _hand_over(self, pid: int) -> None:
        """Leave everything to another process, and end when the last exchange is done."""
        self._successor = pid
        self._gateway.ports.hand_over()
        self._twistd["pidfile"] = ""  # twistd would remove it: it names the other process now
        self._notify.succeeded(pid)
        if self._news is not None:
            self._reactor.addSystemEventTrigger("after", "shutdown", stay, pid, self._news)
        self._reactor.stop()

    def stopService(self) -> Deferred[None]:
        """Stop the gateway, and after that the signal handlers, which a `MultiService` would stop first.

        While the gateway drains, a SIGHUP without a handler would end the process.
        """
        Service.stopService(self)
        return ensureDeferred(self._stop())

    async def _stop(self) -> None:
        if self._successor is None:
            self._upgrade.give_up()
            self._notify.stopping()
        try:
            await self._gateway.stopService()
        finally:
            self._signals.stopService()


def makeService(options: Options) -> IService:
    """Build the gateway that `options` ask for.

    Raises:
        SystemExit: The configuration is wrong. Standard error has a line for
            each problem and the exit code is 1: twistd would answer any other
            exception with a traceback.
    """
    # Imported only now, when twistd has installed the reactor that its --reactor names.
    # nosemgrep: global-reactor - the one place
    from twisted.internet import reactor

    if options["welcome"]:
        from gateway.commands.welcome import WelcomeService

        page = ForegroundService(_log_observer(options.parent or {}, "text", reactor))
        WelcomeService(reactor).setServiceParent(page)
        return page
    descriptors.raise_limit()
    twistd = options.parent if options.parent is not None else {}
    _look_into(twistd.get("chroot"))
    told = options.arrival.worker
    if told is not None:
        return _worker(told, twistd, reactor)
    gateway: GatewayService | Parent
    try:
        origin = origin_of(options.configuration, reactor, os.environ, watch=True)
        held = HeldFiles(lambda: files_named_by(origin.settings))
        if how_many(origin.settings.processes) > 1:
            gateway = _parent(origin, options.arrival, twistd, held, reactor)
        else:
            _settle(reactor)
            from gateway.composition.lifecycle import GatewayService  # a parent of several processes does without

            terminal = _is_seen(twistd) and sys.stderr.isatty()
            gateway = GatewayService(origin, reactor, inherited=options.arrival.inherited, terminal=terminal)
    except ConfigError as error:
        raise SystemExit(str(error)) from None
    log = _log_observer(twistd, gateway.settings.log.format, reactor)
    return TwistdService(gateway, reactor, log, twistd, options.arrival, Notify(os.environ), held)


def _look_into(chroot: str | None) -> None:
    """Refuse a directory that is to be the root of the file system where what is loaded later cannot be loaded.

    Raises:
        SystemExit: The gateway is not in there.
    """
    if chroot is None:
        return
    ours = Path(__file__).absolute()
    there = Path(chroot, *ours.parts[1:])
    if not there.exists():
        raise SystemExit(
            f"gateway: --chroot {chroot}: expected Python and the gateway in there under the same paths, since parts of"
            f" them are loaded when they are used; found no {there}"
        )


def _settle(reactor: Any) -> None:
    """Set up a process that serves."""
    gc.set_threshold(YOUNG)
    dispatch_directly(reactor)  # before the gateway is made, which asks for the end of its turns


def _parent(origin: Origin, came: Arrival, twistd: Mapping[str, Any], held: HeldFiles, reactor: Any) -> Parent:
    """Make the parent of several processes."""
    if twistd.get("chroot"):
        raise SystemExit("gateway: with --chroot no workers can be started (`processes`)")
    from gateway.processes.center import Center
    from gateway.processes.parent import Parent

    command = command_line(sys.orig_argv)
    return Parent(origin, reactor, command, str(Path.cwd()), came.inherited, Center(time.time), files=held.handed_on)


def _worker(told: Assignment, twistd: Mapping[str, Any], reactor: Any) -> IService:
    """Make one of several processes."""
    _settle(reactor)
    from gateway.processes.several import worker

    made = worker(told, reactor, _is_seen(twistd) and sys.stderr.isatty())
    service = ForegroundService(_log_observer(twistd, made.gateway.settings.log.format, reactor))
    made.setServiceParent(service)
    return service


def _log_observer(twistd: Mapping[str, Any], form: str, reactor: Any) -> ILogObserver | None:
    """Return our observer for the foreground and for log files, None where twistd's own is used (syslog, `--logger`).

    In the foreground it writes to standard error: standard output is for the access log.
    """
    if _is_seen(twistd):
        return observer(sys.stderr, form)
    path = twistd.get("logfile") or LOG
    if not twistd or twistd.get("syslog") or twistd.get("logger") or path == "-":
        return None
    from gateway.telemetry.twistd_log import log_to_file

    file = log_to_file(path, reactor.callFromThread)
    if twistd.get("uid") is not None:
        # This process opens it with the rights that it gives up, and one that takes over from it has these only.
        os.chown(path, twistd["uid"], -1 if twistd.get("gid") is None else twistd["gid"])
    return file


def _is_seen(twistd: Mapping[str, Any]) -> bool:
    """Whether the log goes to standard error."""
    return bool(twistd.get("nodaemon")) and not (twistd.get("logfile") or twistd.get("syslog") or twistd.get("logger"))
