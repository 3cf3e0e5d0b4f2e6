"""What the simulator raises."""

from __future__ import annotations


class SimulationError(Exception):
    """The image did what the hardware, or its model here, does not allow."""
