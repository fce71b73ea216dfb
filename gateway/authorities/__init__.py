"""Who knows who is calling, beside ourselves: published keys, introspection, forward authentication; slow hashes.

Layer 3: asks over the network or in threads. What is not answered in time is `AuthUnavailable`, and lets nobody in.
"""
