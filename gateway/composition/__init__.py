"""How the parts are put together: settings become a snapshot, snapshots replace each other.

`carried` → `foundation` → `builders` → `snapshot` → `assembly` → `lifecycle`, each on top of the one before.
"""
