"""APISIX's standalone configuration (`apisix.yaml`), read.

`source.py` goes through the routes: each with what its service and plugin_config say, on an upstream of `nodes.py`,
with the plugins that hold for it (`plugins.py`, `rewriting.py`, and `callers.py` for those that ask who is calling).
APISIX's own documentation of 3.x is the source of its rules.
"""
