"""How connections are opened: addresses of names, TLS towards servers, what a failed dial means.

Used by whatever asks somebody else: upstreams, probes, authorities, storage. Small questions over HTTP are asked here.
"""
