"""`gateway simulate`: the command, what its options say (`scene.py`), what it reports (`text.py`), and the chart."""
