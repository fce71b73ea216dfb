"""What a configuration would do, found by having it done: the real gateway in memory, on a virtual clock.

A `Stage` (`stage.py`) is one gateway with backends that answer as they are told (`backends.py`) and callers whose
credentials it takes (`callers/`); what of its configuration leads outside is replaced (`enclosing.py`). What asks
it: `judging.py` (the tests of a configuration), `decisions.py` (one request, explained), `replaying/` (the requests of
a log), `planning/` (another configuration), and `gateway.simulation`: whatever a command says that the gateway would
do, a stage has done. `start.py` is about what a start would fail on.
"""
