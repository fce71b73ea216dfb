"""A stretch of traffic and what goes wrong in it, played through the real gateway in memory on a clock that jumps.

What is said on a command line is read by `traffic.py` (how much), `mix.py` (what is asked, and by whom), `service.py`
(how long backends take) and `faults.py` (what goes wrong, when). `playing.py` puts these around a gateway: `lines.py`
are the connections of clients, `stations.py` the backends, `clock.py` the time; `figures.py` is what came of it.
"""
