"""An event-driven HTTP gateway on Twisted.

`gateway.composition.lifecycle` embeds it in an application, `gateway.tap` runs it under
twistd, `gateway.cli` is the command line. ARCHITECTURE.md has the map.
"""

__version__ = "1.0.0"
