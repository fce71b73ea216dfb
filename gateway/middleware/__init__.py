"""The steps of a chain, one file each, and the chain that runs them.

Layer 4: they decide over an exchange; what they need of the edges comes
through the constructor, as a function or a shape.
"""
