"""Active health checks: what asks a backend how it is, at which times.

Each way of asking is a module; `prober` keeps the times and reports the results.
"""
