"""The end of the chain: which backend gets an exchange, how often it is tried, and each try.

Attempts, retries, hedges, and exchanges without a client (subrequests) are here; the connections that an attempt asks
for a stream are in `gateway.upstream`.
"""
