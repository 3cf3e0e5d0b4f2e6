"""PIO0's first state machine, and the microphone at its pins: datasheet, chapter 3.

The machine's instructions are interpreted one by one. Once it has made many words in the same number
of cycles, each of 32 bits that the microphone put out one after the other, and is always in the same
state between them, the next words are taken in one step each, in that number of cycles.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.machine import Machine
from simulator.pdm import PdmSource
from simulator.rp2040.dma import Dma
from simulator.rp2040.io import PIO, IoBank0
from simulator.rp2040.system import PIO0, Resets, Resettable
from simulator.scheduler import Event

RXF0 = 0x50200020
DREQ_PIO0_RX0 = 4
_AT_ONCE = 8
"""Words made by one event: 0.25 ms."""
_REPEATS = 32
"""Equal words before they are taken in one step."""
_AUTOPUSH, _IN_SHIFTDIR = 1 << 16, 1 << 18
_FIFO = 4
_JMP, _IN, _MOV, _SET = 0, 2, 5, 7


class Microphone:
    """Select pin low: a new bit when the clock falls, on the line while it is low.

    Attributes:
        edges: how often the clock has fallen.
    """

    def __init__(self, source: PdmSource) -> None:
        self._source = source
        self.reset()

    def reset(self) -> None:
        """Before the first clock."""
        self.clock = False
        self.edges = 0
        self._word, self._left = 0, -1  # the first bit is not out yet

    def _next(self) -> None:
        if self._left <= 0:
            self._word, self._left = int.from_bytes(self._source.read(4), "big"), 32
        self._left -= 1

    def drive(self, level: bool) -> None:
        """What its clock pin does."""
        if self.clock and not level:
            self.edges += 1
            self._next()
        self.clock = level

    @property
    def data(self) -> int:
        """What is on the line: nothing, read as 0 through the pull-down, while the clock is high."""
        if self._left < 0:
            self._next()
        return 0 if self.clock else self._word >> self._left & 1

    def take_word(self) -> int | None:
        """32 bits at once, each clocked as before; None if it is not between two words."""
        if self._left:
            return None
        self._word = int.from_bytes(self._source.read(4), "big")
        self.edges += 32
        return self._word


@dataclass
class _Word:
    """How a word came about."""

    cycles: float
    edges: int
    before: tuple[int, ...]


class Pio0(Resettable):
    """The first of four state machines.

    Attributes:
        bit_hz: what the microphone is clocked with; None until words come evenly.
    """

    def __init__(
        self, machine: Machine, resets: Resets, dma: Dma, pins: IoBank0, microphone: Microphone, wired: tuple[int, int]
    ) -> None:
        """``wired``: the pins of the microphone's clock and data."""
        super().__init__(machine, "PIO0", 0x50200000, resets, PIO0)
        self._dma, self._pins, self._microphone, self._wired = dma, pins, microphone, wired
        self._event: Event | None = None
        self.register(0x00, "CTRL", mask=0xFFF, on_read=lambda: self["CTRL"], on_write=self._write_ctrl)
        for index in range(32):
            self.register(0x48 + 4 * index, f"INSTR_MEM{index}", mask=0xFFFF, write_only=True)
        self.register(0xC8, "SM0_CLKDIV", reset=1 << 16, mask=0xFFFFFF00)
        self.register(0xCC, "SM0_EXECCTRL", reset=31 << 12, mask=0x7FFFFF9F)
        self.register(0xD0, "SM0_SHIFTCTRL", reset=3 << 18, mask=0xFFFF0000)
        self.register(0xD8, "SM0_INSTR", mask=0xFFFF, on_write=self._write_instr)
        self.register(0xDC, "SM0_PINCTRL", reset=5 << 26)
        self.reset()

    def reset(self) -> None:
        """Off."""
        super().reset()
        self._pc, self._isr, self._count, self._directions = 0, 0, 0, 0
        self._same, self._last = 0, _Word(0, 0, ())
        self.bit_hz: float | None = None
        self._microphone.reset()
        if self._event:
            self._event.cancel()

    # ---- instructions ----

    def _execute(self, instruction: int) -> int:
        """Do one; returns the cycles that it takes."""
        pins, execution = self["SM0_PINCTRL"], self["SM0_EXECCTRL"]
        side_count = pins >> 29
        if side_count != 1 or execution >> 29 & 3:
            raise self.error("only one side-set pin, always set, is modelled")
        kind, operand = instruction >> 13, instruction & 0xFF
        # What IN sees went through two flip-flops: it is from before the side-set.
        seen = self._see()
        self._side_set(pins >> 10 & 31, instruction >> 12 & 1)
        if kind == _IN and operand >> 5 == 0:
            self._in(operand & 31, seen)
        elif kind == _SET and operand >> 5 == 4 and pins >> 26 & 7 == 1:
            pin = pins >> 5 & 31
            self._directions = self._directions & ~(1 << pin) | (operand & 1) << pin
        elif kind == _JMP and operand >> 5 == 0:
            self._pc = (operand & 31) - 1
        elif instruction & 0xE0FF != _MOV << 13 | 0x42:  # nop is mov y, y
            raise self.error(f"instruction {instruction:#06x} is not modelled")
        return 1 + (instruction >> 8 & 15)

    def _see(self) -> int:
        clock, data = self._wired
        if self["SM0_PINCTRL"] >> 15 & 31 != data:
            return 0
        powered = self._pins.function(clock) == PIO and self._directions >> clock & 1
        return self._microphone.data if powered else 0

    def _side_set(self, pin: int, level: int) -> None:
        clock = self._wired[0]
        if pin == clock and self._directions >> clock & 1 and self._pins.function(clock) == PIO:
            self._microphone.drive(bool(level))

    def _in(self, bits: int, seen: int) -> None:
        if bits != 1:
            raise self.error(f"IN of {bits or 32} pins is not modelled")
        control = self["SM0_SHIFTCTRL"]
        if control & _IN_SHIFTDIR:
            self._isr = self._isr >> 1 | seen << 31
        else:
            self._isr = (self._isr << 1 | seen) & 0xFFFFFFFF
        self._count += 1

    def _write_instr(self, instruction: int) -> None:
        self._execute(instruction)

    # ---- time ----

    def _write_ctrl(self, value: int) -> None:
        if value not in (0, 1):
            raise self.error(f"CTRL: {value:#x}; only the first state machine is modelled")
        if value and not self["CTRL"]:
            self._due = float(self.machine.now)
            self._schedule()
        if not value and self._event:
            self._event.cancel()
        self.store("CTRL", value)

    def _schedule(self) -> None:
        """Have words made late by a few, rather than each at its moment."""
        cycles = self._last.cycles or 64 * self._divider()
        self._event = self.machine.at(round(self._due + _AT_ONCE * cycles), self._make_words)

    def _divider(self) -> float:
        value = self["SM0_CLKDIV"]
        return (value >> 16 or 65536) + (value >> 8 & 0xFF) / 256

    def _make_words(self) -> None:
        while self._due + (self._last.cycles or 64 * self._divider()) <= self.machine.now + 1:
            word = self._microphone.take_word() if self._same >= _REPEATS else None
            if word is None:
                word, how = self._make_word()
                self._same = self._same + 1 if how == self._last and how.edges == 32 else 0
                self._last = how
            self._due += self._last.cycles
            if not self._dma.give(DREQ_PIO0_RX0, RXF0, word):
                raise self.error("nothing takes the words out of the FIFO; a stalled state machine is not modelled")
        if self._same >= _REPEATS:
            self.bit_hz = 32 * self.machine.clock_hz / self._last.cycles
        self._schedule()

    def _make_word(self) -> tuple[int, _Word]:
        execution, control = self["SM0_EXECCTRL"], self["SM0_SHIFTCTRL"]
        if not control & _AUTOPUSH or control >> 20 & 31:
            raise self.error("only words pushed by themselves after 32 bits are modelled")
        before = (self._pc, self._count, int(self._microphone.clock))
        edges, cycles = self._microphone.edges, 0
        while self._count < 32:
            cycles += self._execute(self[f"INSTR_MEM{self._pc}"])
            wrapped = self._pc == execution >> 12 & 31
            self._pc = execution >> 7 & 31 if wrapped else (self._pc + 1) & 31
        word, self._isr, self._count = self._isr, 0, 0
        return word, _Word(cycles * self._divider(), self._microphone.edges - edges, before)
