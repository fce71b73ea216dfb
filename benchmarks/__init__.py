"""The gateway beside its peers on the same work, in the same run.

`python -m benchmarks` measures, `python -m benchmarks ab` compares two
revisions of the gateway, `python -m benchmarks profile` shows where its time
goes. `docs/performance.md` says how to read the figures.
"""
