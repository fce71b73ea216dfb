"""What the gateway says itself: health, forms, the token endpoint.

Everything here answers without a backend.
"""
