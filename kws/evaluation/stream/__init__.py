"""How well a model hears words in hours of sound."""
