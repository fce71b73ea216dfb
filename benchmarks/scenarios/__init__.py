"""What is measured: one module for each kind of measurement, all scenarios in `registry`."""
