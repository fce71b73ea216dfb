"""Configurations of other gateways, and descriptions of APIs, made into one of ours with its tests.

A kind of source is a module with `fill(source, draft)`: it reads a `Part` (`parts.py`), and puts what it finds into a
`Draft` (`draft.py`), which `writing.py` writes as YAML. To add a kind: write the module, give it a line in `kinds.py`,
put sources and their results into `tests/imports`. `kinds.py` lists what the module has not read, so that nothing
of a source is dropped in silence. Asked by `gateway.commands.importing`; the gateway that runs imports none of it.
"""
