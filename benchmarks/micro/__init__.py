"""What lies between `recv` and `send`: the real assembly, in memory, without sockets.

`turns` is what the command runs: it starts a `worker` for each side, one process each, and lets them measure by
turns. A worker holds an `assembly` (the gateway) and an `exchange` (the bytes of one scenario).
"""
