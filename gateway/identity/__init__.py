"""Who is calling: tokens, secrets and what is known of them; one noun a file.

Layer 2: computes and decides only. `now` is Unix seconds where a credential ends by the clock on the wall, and
randomness is octets, both passed in by who asks.
"""
