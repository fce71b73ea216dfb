"""The requests of an access log, made again: what a configuration, or a server, would have answered otherwise.

`replay.py` runs a log through one gateway in memory or two (`rerun.py`), whose backends answer as the log says
(`recalling.py`). `paced.py` sends it to a server (`target.py`). What became of a request is in `answered.py`.
"""
