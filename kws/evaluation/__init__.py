"""How well a model hears, and whether its engines agree."""
