"""The commands of `gateway`, registered by `gateway.cli`.

A verb is a module of its name, or a package of its name where it takes several: click's object is then in its
`command.py`. What several verbs share stands beside them: reading a configuration (`reading.py`), the admin port
(`admin_port.py`), words and tables for a terminal (`wording.py`, `table.py`), claims (`claims.py`), and `curl/`.
"""
