"""USART2: RM0090, chapter 30; 8 data bits, no parity, one stop bit."""

from __future__ import annotations

from simulator.machine import Machine
from simulator.scheduler import Event
from simulator.serial_line import SerialLine
from simulator.stm32f407.gpio import Gpio
from simulator.stm32f407.rcc import Clocked, Rcc

_FUNCTION = 7
_ORE, _RXNE, _TC, _TXE = 1 << 3, 1 << 5, 1 << 6, 1 << 7
_RE, _TE, _RXNEIE, _TXEIE, _UE = 1 << 2, 1 << 3, 1 << 5, 1 << 7, 1 << 13
_IRQ = 38
_IDLE_POLL = 1e-3


class Usart2(Clocked):
    """PA2 and PA3.

    Attributes:
        baud: what the program has set, or None before it did.
    """

    def __init__(self, machine: Machine, rcc: Rcc, pins: Gpio, line: SerialLine) -> None:
        super().__init__(machine, "USART2", 0x40004400, rcc, ("APB1ENR", 17))
        self._pins, self._line = pins, line
        self._events: list[Event] = []
        self.register(0x00, "SR", reset=_TC | _TXE, on_read=lambda: self["SR"])
        self.register(0x04, "DR", mask=0x1FF, on_read=self._read_dr, on_write=self._write_dr)
        self.register(0x08, "BRR", mask=0xFFFF)
        self.register(
            0x0C, "CR1", mask=_RE | _TE | _RXNEIE | _TXEIE | _UE, on_read=lambda: self["CR1"], on_write=self._write_cr1
        )
        self.reset()

    def reset(self) -> None:
        """Off."""
        super().reset()
        for event in self._events:
            event.cancel()
        self._events = []
        self._waiting: int | None = None
        self._received = 0
        self.baud: float | None = None

    def _after(self, seconds: float, callback: object) -> None:
        self._events = [event for event in self._events if event.pending]
        self._events.append(self.machine.after(round(seconds * self.machine.clock_hz), callback))

    def _write_cr1(self, value: int) -> None:
        starts = value & _UE and not self["CR1"] & _UE
        self.store("CR1", value)
        if starts:
            self.baud = self.rcc.apb1_hz / self["BRR"]
            if value & _RE:
                self._after(10 / self.baud, self._receive)
        self._update()

    def _write_dr(self, value: int) -> None:
        if not self["SR"] & _TXE:
            raise self.error("DR is written while it is full")
        if self["CR1"] & (_UE | _TE) != _UE | _TE or self._pins.function(2) != _FUNCTION:
            raise self.error("a byte is sent while the transmitter or its pin is off")
        if self["SR"] & _TC:
            self._shift(value)
        else:
            self._waiting = value
            self.store("SR", self["SR"] & ~_TXE)
        self._update()

    def _shift(self, value: int) -> None:
        assert self.baud is not None
        self.store("SR", self["SR"] & ~_TC)
        self._after(10 / self.baud, lambda: self._sent(value))

    def _sent(self, value: int) -> None:
        self._line.put(value & 0xFF)
        self.store("SR", self["SR"] | _TC | _TXE)
        if self._waiting is not None:
            value, self._waiting = self._waiting, None
            self._shift(value)
        self._update()

    def _receive(self) -> None:
        assert self.baud is not None
        byte = self._line.take() if self._pins.function(3) == _FUNCTION else None
        if byte is not None:
            if self["SR"] & _RXNE:
                self.store("SR", self["SR"] | _ORE)
            else:
                self._received = byte
                self.store("SR", self["SR"] | _RXNE)
            self._update()
        self._after(10 / self.baud if byte is not None else _IDLE_POLL, self._receive)

    def _read_dr(self) -> int:
        self.store("SR", self["SR"] & ~(_RXNE | _ORE))
        self._update()
        return self._received

    def _update(self) -> None:
        received = self["CR1"] & _RXNEIE and self["SR"] & (_RXNE | _ORE)
        empty = self["CR1"] & _TXEIE and self["SR"] & _TXE
        self.machine.set_interrupt(_IRQ, bool(received or empty))
