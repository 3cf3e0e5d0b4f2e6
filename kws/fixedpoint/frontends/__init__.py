"""From samples to features: one file a front end, each the twin of one in ``firmware/src/frontends``."""
