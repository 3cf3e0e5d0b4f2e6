"""One interface, several ways to run a model."""
