"""Requests in the words of curl, for commands that take one: `gateway explain`, and `gateway plan --request`.

A command that was pasted as one text is taken apart into words (`words.py`), these into options (`options.py`), and
these make a request (`request.py`), which can also be written back as a command.
"""
