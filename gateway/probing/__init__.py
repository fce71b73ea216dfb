"""Active health checks of backends.

Each kind of check is a module; `prober` runs them on time and reports the results.
"""
