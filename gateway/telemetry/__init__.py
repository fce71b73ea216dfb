"""What the gateway says about itself: metrics, access log, application log.

Layer 3: it writes files and counts; it never decides anything about an exchange.
"""
