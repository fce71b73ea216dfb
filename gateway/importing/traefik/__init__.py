"""What the file provider of a Traefik says, as a draft: routers, services and middlewares, of version 2 or 3.

`rules` takes the rules of routers apart, `kind` begins; the other modules carry one noun each.
"""
