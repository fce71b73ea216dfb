"""Where the members of upstreams are found while the gateway runs.

Layer 3. A `Source` asks one kind of place (`file`, `dns`, `etcd`, `consul`, `kubernetes`); a `Finder` follows it,
whatever becomes of it, and tells the upstream. What is done with members stands in
`gateway.composition.builders.members`.
"""
