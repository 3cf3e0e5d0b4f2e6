"""Models as a service for other programs: wake words by the Wyoming protocol."""
