"""What commands take where nobody says otherwise: for their help, which is there before what they need is loaded."""

from __future__ import annotations

from typing import Final

ADMIN_PORT: Final = "http://127.0.0.1:9090"
"""Where the admin port is."""
