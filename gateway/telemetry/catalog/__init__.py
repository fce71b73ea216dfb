"""The one list of metrics: nothing else may be exposed, and `docs/reference/metrics.md` is made from it.

A module for each subject. Loaded with the first scrape: a gateway that nobody asks needs no texts.
"""

from __future__ import annotations

from gateway.telemetry.catalog.identity import IDENTITY
from gateway.telemetry.catalog.itself import ITSELF
from gateway.telemetry.catalog.limits import LIMITS
from gateway.telemetry.catalog.requests import REQUESTS
from gateway.telemetry.catalog.upstreams import UPSTREAMS

METRICS = (*REQUESTS, *UPSTREAMS, *LIMITS, *IDENTITY, *ITSELF)
