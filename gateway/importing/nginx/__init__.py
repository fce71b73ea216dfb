"""What an nginx configuration says, as a draft: read with its includes, its order of locations carried over.

`reading` makes a tree of directives, `locations` is nginx's choice among them, `kind` begins; the other modules carry
one noun each.
"""
