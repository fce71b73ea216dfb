"""Credentials and the principals that they stand for: tokens, API keys, secrets, certificates.

Layer 2: computes and decides only. The caller passes in `now` (Unix seconds, where a credential expires) and random
octets.
"""
