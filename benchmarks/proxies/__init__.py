"""The proxies that are compared: one module each writes its configuration and says how to start it."""
