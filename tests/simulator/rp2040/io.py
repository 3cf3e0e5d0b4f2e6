"""Pins and UART0: datasheet, 2.3.1, 2.19 and 4.2 (Arm's PL011)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from simulator.machine import Machine
from simulator.peripheral import Peripheral
from simulator.rp2040.system import IO_BANK0, PADS_BANK0, UART0, Clocks, Resets, Resettable
from simulator.scheduler import Event
from simulator.serial_line import SerialLine

UART, SIO, PIO = 2, 5, 6
"""Functions of a pin."""

_FIFO = 32
_BUSY, _RXFE, _TXFF = 1 << 3, 1 << 4, 1 << 5
_RXIM, _TXIM, _RTIM = 1 << 4, 1 << 5, 1 << 6
_ON = 1 << 0 | 1 << 8 | 1 << 9
_FIFOS_8_BITS = 1 << 4 | 3 << 5
_IRQ = 20
_IDLE_POLL = 1e-3


class IoBank0(Resettable):
    """What each pin is used for."""

    def __init__(self, machine: Machine, resets: Resets) -> None:
        super().__init__(machine, "IO_BANK0", 0x40014000, resets, IO_BANK0)
        for pin in range(30):
            self.register(8 * pin + 4, f"GPIO{pin}_CTRL", reset=31, mask=31)

    def function(self, pin: int) -> int:
        """The pin's FUNCSEL."""
        return self[f"GPIO{pin}_CTRL"]


class PadsBank0(Resettable):
    """How each pin is driven and read."""

    def __init__(self, machine: Machine, resets: Resets) -> None:
        super().__init__(machine, "PADS_BANK0", 0x4001C000, resets, PADS_BANK0)
        for pin in range(30):
            self.register(4 * pin + 4, f"GPIO{pin}", reset=0x56, mask=0xFF, on_write=lambda v, p=pin: self._set(p, v))

    def reset(self) -> None:
        """None is set up by the program."""
        super().reset()
        self.written: set[int] = set()

    def _set(self, pin: int, value: int) -> None:
        self.store(f"GPIO{pin}", value)
        self.written.add(pin)

    def drives(self, pin: int) -> bool:
        """Whether a pin that is an output puts its level on the wire: OD is off."""
        return not self[f"GPIO{pin}"] & 1 << 7

    def reads(self, pin: int) -> bool:
        """Whether the pin's level is seen inside: IE is on."""
        return bool(self[f"GPIO{pin}"] & 1 << 6)

    def pulled(self, pin: int) -> int | None:
        """What is read of an input where nothing is wired: 1, 0, or None for either."""
        down, up = (bool(self[f"GPIO{pin}"] & 1 << bit) for bit in (2, 3))
        return int(up) if up != down else None


class Sio(Peripheral):
    """The pins as outputs of the program."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine, "SIO", 0xD0000000)
        self.register(0x10, "GPIO_OUT")
        self.register(0x14, "GPIO_OUT_SET", on_write=lambda v: self.store("GPIO_OUT", self["GPIO_OUT"] | v))
        self.register(0x18, "GPIO_OUT_CLR", on_write=lambda v: self.store("GPIO_OUT", self["GPIO_OUT"] & ~v))
        self.register(0x20, "GPIO_OE")
        self.register(0x24, "GPIO_OE_SET", on_write=lambda v: self.store("GPIO_OE", self["GPIO_OE"] | v))

    def level(self, pin: int) -> bool:
        """Whether the program drives a pin high."""
        return bool(self["GPIO_OUT"] & self["GPIO_OE"] & 1 << pin)


class Uart0(Resettable):
    """8 data bits, no parity, one stop bit, FIFOs on.

    Attributes:
        baud: what the program has set, or None before it did.
    """

    def __init__(self, machine: Machine, resets: Resets, clocks: Clocks, pins: IoBank0, line: SerialLine) -> None:
        super().__init__(machine, "UART0", 0x40034000, resets, UART0)
        self._clocks, self._pins, self._line = clocks, pins, line
        self._events: list[Event] = []
        self.register(0x00, "UARTDR", mask=0xFF, on_read=self._read_dr, on_write=self._write_dr)
        self.register(0x18, "UARTFR", on_read=self._flags)
        self.register(0x24, "UARTIBRD", mask=0xFFFF)
        self.register(0x28, "UARTFBRD", mask=0x3F)
        self.register(0x2C, "UARTLCR_H", mask=0xFF)
        self.register(0x30, "UARTCR", reset=0x300, mask=0xFF87, on_write=self._write_cr)
        self.register(0x38, "UARTIMSC", mask=_RXIM | _TXIM | _RTIM, on_write=self._write_imsc)
        self.reset()

    def reset(self) -> None:
        """Off."""
        super().reset()
        for event in self._events:
            event.cancel()
        self._events = []
        self._sending: deque[int] = deque()
        self._received: deque[int] = deque()
        self._timed_out = self._half_empty = False
        self.baud: float | None = None

    def _after(self, seconds: float, callback: Callable[[], None]) -> None:
        self._events = [event for event in self._events if event.pending]
        self._events.append(self.machine.after(round(seconds * self.machine.clock_hz), callback))

    def _write_cr(self, value: int) -> None:
        if value != _ON or self["UARTLCR_H"] != _FIFOS_8_BITS:
            raise self.error("only 8 bits with FIFOs in both directions are modelled")
        self.baud = self._clocks.peri_hz / (16 * (self["UARTIBRD"] + self["UARTFBRD"] / 64))
        self._after(10 / self.baud, self._receive)

    def _flags(self) -> int:
        full = _TXFF if len(self._sending) > _FIFO else 0
        return full | (_BUSY if self._sending else 0) | (0 if self._received else _RXFE)

    def _write_imsc(self, value: int) -> None:
        self.store("UARTIMSC", value)
        self._update()

    def _write_dr(self, value: int) -> None:
        # The first of them is in the shift register.
        if len(self._sending) > _FIFO:
            raise self.error("UARTDR is written while the FIFO is full")
        if self.baud is None or self._pins.function(0) != UART:
            raise self.error("a byte is sent while the UART or its pin is off")
        self._sending.append(value)
        if len(self._sending) == 1:
            self._after(10 / self.baud, self._sent)
        if len(self._sending) - 1 > _FIFO // 2:
            self._half_empty = False
            self._update()

    def _sent(self) -> None:
        assert self.baud is not None
        self._line.put(self._sending.popleft())
        if len(self._sending) - 1 == _FIFO // 2:
            self._half_empty = True  # the moment of passing it; an empty FIFO alone asks for nothing
            self._update()
        if self._sending:
            self._after(10 / self.baud, self._sent)

    def _receive(self) -> None:
        assert self.baud is not None
        byte = self._line.take() if self._pins.function(1) == UART else None
        if byte is not None and len(self._received) < _FIFO:
            self._received.append(byte)
        elif byte is None and self._received:
            self._timed_out = True
        self._update()
        waiting = byte is None and not self._received
        self._after(_IDLE_POLL if waiting else 10 / self.baud, self._receive)

    def _read_dr(self) -> int:
        if not self._received:
            raise self.error("UARTDR is read while the FIFO is empty")
        byte = self._received.popleft()
        self._timed_out = self._timed_out and bool(self._received)
        self._update()
        return byte

    def _update(self) -> None:
        many = self["UARTIMSC"] & _RXIM and len(self._received) >= _FIFO // 2
        old = self["UARTIMSC"] & _RTIM and self._timed_out
        room = self["UARTIMSC"] & _TXIM and self._half_empty
        self.machine.set_interrupt(_IRQ, bool(many or old or room))
