"""The client's side of an exchange: a connection, what it asks for, and the one writer of its answer.

Ports and their TLS are in `gateway.listening`, below this.
"""
