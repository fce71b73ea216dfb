"""What is decided when backends fail: health, ejection, breakers, retries, load control; one noun a file.

Layer 2: decides only. `now` is monotonic seconds, and chance is a number, both passed in by who asks.
"""
