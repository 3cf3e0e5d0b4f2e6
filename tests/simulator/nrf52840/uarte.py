"""UARTE (nRF52840 PS, 6.34): bytes by EasyDMA, eight bits, no parity, one stop bit."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from simulator.machine import Machine
from simulator.nrf52840.device import NordicPeripheral
from simulator.serial_line import SerialLine

_RATES = {0x01D60000: 115200, 0x10000000: 1000000}
_ENABLED = 8
_BITS = 10
_FIFO_BYTES = 6
"""The receiver's FIFO: bytes that arrive while no transfer is under way."""

_ARRIVING_BYTES, _LEAVING_BYTES = 4, 32
"""How many bytes are handled at a time, to be quick: as many byte times apart as they are."""
_IDLE_BYTES = 8
"""After how many byte times a silent line is listened to again."""


class Uarte(NordicPeripheral):
    """UARTE0, wired to ``pins``: (TXD, RXD)."""

    def __init__(self, machine: Machine, line: SerialLine, pins: tuple[int, int]) -> None:
        super().__init__(machine, "UARTE0", 0x40002000, 2)
        self._line, self._pins = line, pins
        self._fifo: deque[int] = deque()
        self._receiving: tuple[int, int] | None = None  # where the next byte goes, how many are to come
        self._sending: deque[int] = deque()
        self._epoch = 0
        self.task(0x000, "TASKS_STARTRX", self._start_receiving)
        self.task(0x008, "TASKS_STARTTX", self._start_sending)
        self.event(0x110, "EVENTS_ENDRX")
        self.event(0x120, "EVENTS_ENDTX")
        self.interrupts()
        self.register(0x500, "ENABLE", mask=0xF, on_write=self._enable_line, on_read=lambda: self["ENABLE"])
        self.register(0x50C, "PSEL.TXD", reset=0xFFFFFFFF)
        self.register(0x514, "PSEL.RXD", reset=0xFFFFFFFF)
        self.register(0x524, "BAUDRATE", reset=0x04000000)
        self.register(0x534, "RXD.PTR")
        self.register(0x538, "RXD.MAXCNT", mask=0xFFFF)
        self.register(0x544, "TXD.PTR")
        self.register(0x548, "TXD.MAXCNT", mask=0xFFFF)

    def reset(self) -> None:
        """As after power-up."""
        super().reset()
        self._fifo.clear()
        self._sending.clear()
        self._receiving = None
        self._epoch += 1

    @property
    def _byte_cycles(self) -> int:
        if self["BAUDRATE"] not in _RATES:
            raise self.error(f"BAUDRATE {self['BAUDRATE']:#x} is not modelled")
        return round(_BITS * self.machine.clock_hz / _RATES[self["BAUDRATE"]])

    def _enable_line(self, value: int) -> None:
        self.store("ENABLE", value)
        if value != _ENABLED or (self["PSEL.TXD"], self["PSEL.RXD"]) != self._pins:
            raise self.error(f"ENABLE {value} with pins {self['PSEL.TXD']} and {self['PSEL.RXD']} is not modelled")
        self._after_byte(self._arrive)

    def _after_byte(self, callback: Callable[[], None], count: int = 1) -> None:
        epoch = self._epoch
        self.machine.after(count * self._byte_cycles, lambda: callback() if epoch == self._epoch else None)

    # ---- to the board ----

    def _arrive(self) -> None:
        arrived = 0
        while arrived < _ARRIVING_BYTES and (byte := self._line.take()) is not None:
            if len(self._fifo) == _FIFO_BYTES:
                raise self.error("the receiver's FIFO overflows: a byte is lost")
            self._fifo.append(byte)
            arrived += 1
        self._store_received()
        self._after_byte(self._arrive, arrived or _IDLE_BYTES)

    def _start_receiving(self) -> None:
        if self._receiving is not None or not self["ENABLE"] or self["RXD.MAXCNT"] == 0:
            raise self.error("STARTRX while receiving, disabled or without room")
        self._receiving = (self["RXD.PTR"], self["RXD.MAXCNT"])
        self._store_received()

    def _store_received(self) -> None:
        while self._fifo and self._receiving is not None:
            pointer, count = self._receiving
            self.machine.write_memory(pointer, bytes([self._fifo.popleft()]))
            self._receiving = (pointer + 1, count - 1) if count > 1 else None
            if count == 1:
                self.happen("EVENTS_ENDRX")

    # ---- from the board ----

    def _start_sending(self) -> None:
        if self._sending or not self["ENABLE"] or self["TXD.MAXCNT"] == 0:
            raise self.error("STARTTX while sending, disabled or without bytes")
        # EasyDMA reaches RAM alone.
        self.machine.check_ram(self["TXD.PTR"], self["TXD.MAXCNT"])
        self._sending.extend(range(self["TXD.PTR"], self["TXD.PTR"] + self["TXD.MAXCNT"]))
        self._after_byte(self._sent, min(_LEAVING_BYTES, len(self._sending)))

    def _sent(self) -> None:
        # Read only now, so that a program which changes its buffer too early is found out.
        for _ in range(min(_LEAVING_BYTES, len(self._sending))):
            self._line.put(self.machine.read_memory(self._sending.popleft(), 1)[0])
        if self._sending:
            self._after_byte(self._sent, min(_LEAVING_BYTES, len(self._sending)))
        else:
            self.happen("EVENTS_ENDTX")
