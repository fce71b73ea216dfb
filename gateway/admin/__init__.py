"""The operator's door: metrics, health and read-only views, on a listener of their own.

Twisted's stock `Site` and `Resource` tree: nothing here is on a request's path.
"""
