"""PDM (nRF52840 PS, 6.15): samples by EasyDMA. The source gives what comes out of the decimation filter."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from simulator.audio import PcmSource
from simulator.machine import Machine
from simulator.nrf52840.device import NordicPeripheral
from simulator.scheduler import Event

_CLOCKS = {
    0x08000000: Fraction(32_000_000, 32),
    0x08400000: Fraction(32_000_000, 31),
    0x08800000: Fraction(32_000_000, 30),
    0x09800000: Fraction(32_000_000, 26),
    0x0A000000: Fraction(32_000_000, 25),
    0x0A800000: Fraction(32_000_000, 24),
}
"""PDM_CLK in Hz by the value of PDMCLKCTRL."""
_RATIOS = {0: 64, 1: 80}
_MONO, _GREATEST_GAIN = 1, 0x50


class Pdm(NordicPeripheral):
    """One microphone, mono.

    Attributes:
        sample_rate: what the registers make of the clock, in Hz; None before the start.
    """

    def __init__(
        self, machine: Machine, source: PcmSource, pins: tuple[int, int], clock_runs: Callable[[], bool]
    ) -> None:
        super().__init__(machine, "PDM", 0x4001D000, 29)
        self._source, self._pins, self._clock_runs = source, pins, clock_runs
        self.sample_rate: Fraction | None = None
        self._begin = Fraction(0)
        self._pointer = 0
        self._end: Event | None = None
        self.task(0x000, "TASKS_START", self._start)
        self.event(0x100, "EVENTS_STARTED")
        self.event(0x108, "EVENTS_END")
        self.interrupts()
        self.register(0x500, "ENABLE", mask=1)
        self.register(0x504, "PDMCLKCTRL", reset=0x08400000)
        self.register(0x508, "MODE", mask=3)
        self.register(0x518, "GAINL", reset=0x28, mask=0x7F)
        self.register(0x51C, "GAINR", reset=0x28, mask=0x7F)
        self.register(0x520, "RATIO", mask=1)
        self.register(0x540, "PSEL.CLK", reset=0xFFFFFFFF)
        self.register(0x544, "PSEL.DIN", reset=0xFFFFFFFF)
        self.register(0x560, "SAMPLE.PTR")
        self.register(0x564, "SAMPLE.MAXCNT", mask=0x7FFF)

    def reset(self) -> None:
        """As after power-up."""
        super().reset()
        self.sample_rate = None
        if self._end is not None:
            self._end.cancel()

    def _start(self) -> None:
        if not self["ENABLE"] or self["MODE"] & 1 != _MONO or max(self["GAINL"], self["GAINR"]) > _GREATEST_GAIN:
            raise self.error("START with ENABLE, MODE or GAIN as they are is not modelled")
        if (self["PSEL.CLK"], self["PSEL.DIN"]) != self._pins:
            raise self.error(f"no microphone is at pins {self['PSEL.CLK']} and {self['PSEL.DIN']}")
        if not self._clock_runs():
            raise self.error("START while the crystal oscillator does not run")
        if self["PDMCLKCTRL"] not in _CLOCKS:
            raise self.error(f"PDMCLKCTRL has no setting {self['PDMCLKCTRL']:#x}")
        self.sample_rate = _CLOCKS[self["PDMCLKCTRL"]] / _RATIOS[self["RATIO"]]
        self._begin = Fraction(self.machine.now)
        self._begin_block()

    def _begin_block(self) -> None:
        """Take over pointer and size; they may be written anew from STARTED on."""
        self._pointer, count = self["SAMPLE.PTR"], self["SAMPLE.MAXCNT"]
        if count == 0 or self._pointer % 4:
            raise self.error(f"SAMPLE.PTR {self._pointer:#x}, SAMPLE.MAXCNT {count}")
        self.happen("EVENTS_STARTED")
        assert self.sample_rate is not None
        self._begin += count * self.machine.clock_hz / self.sample_rate
        self._end = self.machine.at(round(self._begin), lambda: self._end_block(count))

    def _end_block(self, count: int) -> None:
        self._write(count)
        self.happen("EVENTS_END")
        self._begin_block()

    def _write(self, count: int) -> None:
        samples = self._source.read(count)
        self.machine.write_memory(self._pointer, np.ascontiguousarray(samples, "<i2").tobytes())
