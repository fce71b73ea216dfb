"""`gateway why`: one exchange (`command.py`), found in an access log (`logged.py`), told as a story (`story.py`)."""
