"""The wire of HTTP/2, in both roles, without I/O: an engine for frames and states, and our rules above it.

Layer 1. `engine` is the contract with whatever reads frames, `ngh2_engine` its one implementation, `events` what it
tells; `fields` judges what came and writes what goes, `abuse` counts what clients can flood with, `windows` has the
sizes of flow control.
"""
