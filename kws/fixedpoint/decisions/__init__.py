"""From posteriors to detections: one file a rule, each the twin of one in ``firmware/src/decisions``."""
