"""The end of the chain: which upstream an exchange goes to, and how often it is tried.

Retries, hedges, and exchanges without a client (subrequests) live here; one attempt on one connection lives in
`gateway.upstream`.
"""
