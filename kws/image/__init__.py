"""Firmware images: building, sizes, the model slot, UF2, the cache of builds."""
