"""One file a kind of layer, each the twin of one in ``firmware/src/layers``."""
