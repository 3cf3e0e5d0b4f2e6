"""The verbs of ``kws data``."""
