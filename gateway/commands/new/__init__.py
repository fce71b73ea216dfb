"""`gateway new`: the questions (`command.py`), and the files that are made of the answers (`starter.py`)."""
