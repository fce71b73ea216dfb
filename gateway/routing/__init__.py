"""Which route an exchange takes: patterns, conditions, and a table of both compiled into trees.

Layer 2: decides only. `table.RouteTable` is built with a snapshot and asked once per exchange.
"""
