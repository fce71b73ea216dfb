"""An application that twistd runs, with a gateway in it.

    twistd -noy examples/shop.tac

serves what etc/gateway.yaml says until Ctrl-C; add services of your own in the same way.
"""

from twisted.application.service import Application

from gateway.lifecycle import GatewayService

application = Application("shop")
GatewayService("etc/gateway.yaml").setServiceParent(application)
