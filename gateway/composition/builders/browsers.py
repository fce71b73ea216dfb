"""Settings of a route into the steps that are for browsers: CORS, fields that make them careful, gRPC-Web, compression.

Tests: `tests/flow/test_security_headers.py::test_on_a_preflight`.
"""

from __future__ import annotations

from gateway.composition.builders.cors import cors_step
from gateway.composition.foundation import Foundation
from gateway.config.schema.responses import Compression as CompressionSettings
from gateway.config.schema.routes import Route
from gateway.interfaces import Middleware
from gateway.middleware.compression import Compression
from gateway.middleware.grpc_web import GrpcWeb
from gateway.middleware.security_headers import SecurityHeaders


def steps(route: Route, compression: CompressionSettings | None, foundation: Foundation) -> list[Middleware]:
    """List the steps of a route, from the client inwards.

    Args:
        route: Its settings.
        compression: How its answers are compressed; None for not at all.
        foundation: Counts what CORS in dry run would have refused.
    """
    made: list[Middleware] = []
    if route.security_headers is not False:  # before the other steps: answers of theirs get the fields, too
        made.append(SecurityHeaders({} if route.security_headers is True else route.security_headers))
    cors = cors_step(route, foundation)
    if cors is not None:
        made.append(cors)
    compresses = compression_step(compression)
    if compresses is not None:  # before what makes content: on the way back it comes last
        made.append(compresses)
    if route.grpc_web:  # errors of the steps behind it are answered in gRPC-Web
        made.append(GrpcWeb())
    return made


def compression_step(compression: CompressionSettings | None) -> Compression | None:
    """Return the step that compresses answers; None for none."""
    if compression is None:
        return None
    return Compression(compression.algorithms, compression.min_size, compression.types)
