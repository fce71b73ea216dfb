"""Names `gateway` to twistd.

Read by every `twistd` on the machine that lists its plugins: it imports
nothing of ours and must install no reactor. There is no __init__.py beside
this file, and must not be: it would hide Twisted's own package.
"""

from twisted.application.service import ServiceMaker

gateway = ServiceMaker("gateway", "gateway.tap", "An HTTP gateway: routing, balancing, logs and metrics.", "gateway")
