"""One gateway in several processes, and one process in the place of another.

Several: a `parent` holds the ports and has a `team` of workers, each a whole gateway (`worker`); they talk by a
`channel`, and what has to be one for all of them is shared (`center`, `share`). In the place of another: how one takes
over without a client's noticing (`handover`, `upgrade`, `arrival`), what it tells systemd (`notify`), and what the
first process of a container does besides (`first`, `init`).
"""
