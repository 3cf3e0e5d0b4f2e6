"""A model file: its network, labels, front end, detector and provenance."""
