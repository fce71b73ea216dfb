"""Kong's declarative configuration (`_format_version` 1.1 to 3.0, as deck writes it), read.

`source.py` goes through the file: services become upstreams (`targets.py`), routes what we have for them
(`matching.py`), each with the plugins that hold for it (`plugins.py`, `changes.py`, and `callers.py` for those that ask
who is calling).
Where Kong's rules are meant, Kong's own documentation of 3.x is the source.
"""
