"""A port of sixteen pins: RM0090, chapter 8."""

from __future__ import annotations

from simulator.machine import Machine
from simulator.stm32f407.rcc import Clocked, Rcc

_MODER_RESET = {"A": 0xA8000000, "B": 0x280}


class Gpio(Clocked):
    """Modes, alternate functions and output levels."""

    def __init__(self, machine: Machine, rcc: Rcc, letter: str) -> None:
        index = "ABCDEFGHI".index(letter)
        super().__init__(machine, f"GPIO{letter}", 0x40020000 + 0x400 * index, rcc, ("AHB1ENR", index))
        self.register(0x00, "MODER", reset=_MODER_RESET.get(letter, 0))
        self.register(0x14, "ODR", mask=0xFFFF)
        self.register(0x18, "BSRR", on_write=self._write_bsrr)
        self.register(0x20, "AFRL")
        self.register(0x24, "AFRH")

    def _write_bsrr(self, value: int) -> None:
        self.store("ODR", (self["ODR"] & ~(value >> 16)) | (value & 0xFFFF))

    def function(self, pin: int) -> int | None:
        """The alternate function that a pin has, or None."""
        if self["MODER"] >> (2 * pin) & 3 != 2:
            return None
        return self["AFRL" if pin < 8 else "AFRH"] >> (4 * (pin & 7)) & 15

    def level(self, pin: int) -> bool:
        """Whether a pin is driven high."""
        return self["MODER"] >> (2 * pin) & 3 == 1 and bool(self["ODR"] >> pin & 1)
