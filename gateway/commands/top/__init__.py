"""`gateway top`: asked for each second (`command.py`), made into figures (`figures.py`), and drawn (`screen.py`)."""
