"""`gateway replay` (`command.py`), and what it says (`text.py`).

The log is opened, looked through and run in `log.py`, for `gateway plan` and `diff` too; `--target` is in `sending.py`.
"""
