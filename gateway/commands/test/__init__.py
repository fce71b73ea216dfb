"""`gateway test`: the command, which tests `-k` chooses (`choosing.py`), and what is said of them (`verdicts.py`)."""
