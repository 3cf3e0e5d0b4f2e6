"""What all of Nordic's peripherals have in common: tasks, events and interrupts (nRF52840 PS, 6.1)."""

from __future__ import annotations

from collections.abc import Callable

from simulator.machine import Machine
from simulator.peripheral import Peripheral


class NordicPeripheral(Peripheral):
    """A peripheral whose interrupt is requested while an event and its INTEN bit are set."""

    def __init__(self, machine: Machine, name: str, base: int, interrupt: int | None) -> None:
        super().__init__(machine, name, base)
        self._interrupt = interrupt
        self._events: dict[str, int] = {}
        self._enabled = 0

    def task(self, offset: int, name: str, callback: Callable[[], None]) -> None:
        """A task register: writing 1 calls back."""

        def write(value: int) -> None:
            if value != 1:
                raise self.error(f"{name} is written with {value:#x} instead of 1")
            callback()

        self.register(offset, name, on_write=write)

    def event(self, offset: int, name: str) -> None:
        """An event register: 1 once it happened, until 0 is written."""
        bit = (offset - 0x100) // 4
        self._events[name] = bit

        def write(value: int) -> None:
            if value != 0:
                raise self.error(f"{name} is written with {value:#x} instead of 0")
            self.store(name, 0)
            self._update()

        self.register(offset, name, on_read=lambda: self[name], on_write=write)

    def interrupts(self, settable: bool = True) -> None:
        """INTENSET and INTENCLR for the events declared so far."""
        mask = sum(1 << bit for bit in self._events.values())
        self.register(0x304, "INTENSET", mask=mask, on_read=lambda: self._enabled, on_write=self._enable)
        self.register(0x308, "INTENCLR", mask=mask, on_read=lambda: self._enabled, on_write=self._disable)

    def happen(self, name: str) -> None:
        """Set an event."""
        self.store(name, 1)
        self._update()

    def reset(self) -> None:
        """As after power-up."""
        super().reset()
        self._enabled = 0
        self._update()

    def _enable(self, bits: int) -> None:
        self._enabled |= bits
        self._update()

    def _disable(self, bits: int) -> None:
        self._enabled &= ~bits
        self._update()

    def _update(self) -> None:
        if self._interrupt is not None:
            level = any(self[name] and self._enabled >> bit & 1 for name, bit in self._events.items())
            self.machine.set_interrupt(self._interrupt, level)
