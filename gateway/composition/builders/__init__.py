"""Settings into parts: one noun a module, put together by `gateway.composition.snapshot`."""
