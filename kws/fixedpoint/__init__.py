"""The bit-exact harness: the whole pipeline in integer NumPy, twin of ``firmware/src``.

Imports NumPy and nothing else, so that it can be read, checked and reused by itself.
"""
