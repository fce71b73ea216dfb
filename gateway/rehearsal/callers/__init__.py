"""Callers that are made up, and what they show a gateway in memory so that it lets them in (`credentials.py`).

They show tokens (`signing.py`), passwords (`users.py`) or certificates (`certificates.py`). `recorded.py` says who
called in a log.
"""
