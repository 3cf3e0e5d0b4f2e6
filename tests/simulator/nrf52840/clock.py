"""CLOCK, POWER and APPROTECT (nRF52840 PS, 5.4, 5.3, 4.8): the crystal, a reset's reasons, the debug port's lock."""

from __future__ import annotations

from simulator.machine import Machine
from simulator.nrf52840.device import NordicPeripheral

CRYSTAL_START_SECONDS = 0.0004
"""Start-up with the debounce time of 256 us that HFXODEBOUNCE has after reset."""

RESETREAS_DOG = 1 << 1
RESETREAS_SREQ = 1 << 2


class Clock(NordicPeripheral):
    """``crystal`` tells whether the crystal is there; without it the oscillator never starts.

    ``hardened`` tells whether this is a chip of revision 3, on which a reset closes the debug port.
    """

    def __init__(self, machine: Machine, crystal: bool = True, hardened: bool = True) -> None:
        super().__init__(machine, "CLOCK", 0x40000000, 0)
        self._crystal = crystal
        self.running = False
        self._reason = 0
        self.task(0x000, "TASKS_HFCLKSTART", self._start)
        self.event(0x100, "EVENTS_HFCLKSTARTED")
        if hardened:
            self.register(0x558, "APPROTECT.DISABLE", mask=0xFF)
        self.register(0x400, "RESETREAS", on_read=lambda: self._reason, on_write=self._clear_reason)

    def reset(self) -> None:
        """As after power-up, but for the reason, which stays until it is cleared."""
        super().reset()
        self.running = False
        if self.machine.resets:
            self._reason |= RESETREAS_DOG if self.machine.resets[-1] == "watchdog" else RESETREAS_SREQ

    def _start(self) -> None:
        if self._crystal:
            self.machine.after(round(CRYSTAL_START_SECONDS * self.machine.clock_hz), self._started)

    def _started(self) -> None:
        self.running = True
        self.happen("EVENTS_HFCLKSTARTED")

    def _clear_reason(self, bits: int) -> None:
        self._reason &= ~bits
