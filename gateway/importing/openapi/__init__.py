"""A description of an API (OpenAPI 3.0 and 3.1), read.

`source.py` goes through the operations: each is a route, on the paths of `paths.py`, asking for callers as
`security.py` says. A description says what clients see, and nothing of the gateway: where backends are is taken from
`servers`.
"""
