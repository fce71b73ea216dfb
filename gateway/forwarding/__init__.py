"""The end of the chain: which backend gets an exchange, and how often it is tried.

Retries, hedges, and exchanges without a client (subrequests) are here; one attempt on one connection is in
`gateway.upstream`.
"""
