"""`gateway explain`: one request in memory (`command.py`), and what a gateway that runs says of it (`live.py`)."""
