"""`gateway plan` and `diff` (`command.py`), and how a change is told: to people, in Markdown, in JSON (`text.py`)."""
