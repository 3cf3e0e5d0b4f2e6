"""How well a model names clips."""
