"""Authentication that asks others or takes long: published keys, introspection, forward authentication, slow hashes.

Layer 3: works over the network or in threads. Without an answer in time the request gets `AuthUnavailable`.
"""
