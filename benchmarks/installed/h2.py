"""Stands before the h2 of the tests: a gateway that is measured has the packages of an installation, and no others.

Twisted loads h2 where it finds one, 1.3 MB, and the gateway speaks HTTP/2 without it.
"""

raise ImportError("no h2: the gateway is measured as it is installed")
