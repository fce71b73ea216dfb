"""All dashboards, in the order in which somebody goes through them."""

from __future__ import annotations

from dashboards.backends import BACKENDS
from dashboards.itself import ITSELF
from dashboards.limits import LIMITS
from dashboards.traffic import TRAFFIC

PAGES = (TRAFFIC, BACKENDS, LIMITS, ITSELF)
