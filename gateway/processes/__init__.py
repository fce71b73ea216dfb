"""The gateway among processes.

How one takes over from another without a client's noticing (`handover`, `upgrade`, `arrival`), what it tells systemd
(`notify`), and what the first process of a container does besides (`first`, `init`).
"""
