"""What the static resources of an Envoy say, as a draft: listeners, virtual hosts, routes, clusters.

`kind` begins; the other modules carry one noun each.
"""
