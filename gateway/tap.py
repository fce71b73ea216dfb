"""Run the gateway under twistd: `twistd -n gateway --config etc/gateway.yaml`.

Named by `twisted/plugins/gateway_plugin.py`. Here the reactor is imported:
everything below gets it as an argument.
"""

from __future__ import annotations

from pathlib import Path

from twisted.application.service import IService
from twisted.python import usage

from gateway.config import ConfigError
from gateway.lifecycle import GatewayService
from gateway.upstream.tls import TLSSettingsError

SAMPLE = Path("etc/gateway.yaml")
"""What runs where `--config` is not given: the sample of a checkout."""


class Options(usage.Options):
    """The command line after `twistd gateway`."""

    synopsis = "[options]"
    longdesc = "Proxies HTTP as its configuration says. `gateway check PATH` tells what is wrong with one."
    optParameters = [  # noqa: RUF012 - a list, since twisted.python.usage joins it to those of its bases
        ["config", "c", None, "YAML or JSON file, or a directory of them (default: etc/gateway.yaml)"],
    ]

    def postOptions(self) -> None:
        """Settle on a configuration.

        Raises:
            usage.UsageError: None is given, and there is no sample here.
        """
        if self["config"] is None:
            if not SAMPLE.exists():
                raise usage.UsageError("which configuration? Say --config PATH")
            self["config"] = str(SAMPLE)


def makeService(options: Options) -> IService:
    """Build the gateway that `options` ask for.

    Raises:
        SystemExit: The configuration is wrong. Standard error has a line for
            each problem and the exit code is 1: twistd would answer any other
            exception with a traceback.
    """
    # Here, so that twistd's --reactor has had its say.
    from twisted.internet import reactor

    try:
        return GatewayService(options["config"], reactor)
    except (ConfigError, TLSSettingsError) as error:
        raise SystemExit(str(error)) from None
