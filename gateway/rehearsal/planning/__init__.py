"""What another configuration changes, for `gateway plan`: `plan.py` gathers it, and what it means is in `effects.py`.

`consequences.py` says what settings beside the routes mean, `reload.py` what becomes of connections and counts,
`rerouting.py` which requests go elsewhere. `compared_request.py` is one request through both configurations.
"""
