"""What the gateway answers itself, without a backend: health, forms, the token endpoint."""
