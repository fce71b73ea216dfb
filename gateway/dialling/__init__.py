"""How the gateway opens connections: name resolution, TLS as a client, the error that a failed dial becomes.

Used by upstreams, probes, authorities and storage. `fetching` makes small HTTP requests that are not exchanges.
"""
