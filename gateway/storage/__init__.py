"""What is kept outside the process, or for longer than it: counts and keys, in Redis or SQL.

Layer 3. The chain reaches these through what `gateway.composition.builders` hands it.
"""
