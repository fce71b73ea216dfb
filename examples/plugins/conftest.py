"""Here the gateway is run from its sources: where it is installed, pytest finds the fixture by itself."""

pytest_plugins = ["pytest_gateway"]
