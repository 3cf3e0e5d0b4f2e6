"""The way of the microphone's bits: SPI2 as I2S (RM0090, chapter 28) and DMA1's stream 3 (chapter 10)."""

from __future__ import annotations

import numpy as np

from simulator.machine import Machine
from simulator.pdm import PdmSource
from simulator.scheduler import Event
from simulator.stm32f407.gpio import Gpio
from simulator.stm32f407.rcc import Clocked, Rcc

_AT_ONCE = 16
"""Halfwords moved by one event: 0.25 ms. The hardware moves each by itself."""
_I2S2_FUNCTION = 5
_I2SE = 1 << 10
_TEIF, _HTIF, _TCIF = 1 << 25, 1 << 26, 1 << 27
_OVR = 1 << 6
_FLAGS = 0x0F400000
_EN, _TEIE, _HTIE, _TCIE, _CIRC, _MINC = 1 << 0, 1 << 2, 1 << 3, 1 << 4, 1 << 8, 1 << 10
_HALFWORDS = 1 << 11 | 1 << 13
_DMA1_STREAM3_IRQ = 14


class Dma1(Clocked):
    """Stream 3 in direct mode, from a peripheral to memory, by halfwords."""

    def __init__(self, machine: Machine, rcc: Rcc) -> None:
        super().__init__(machine, "DMA1", 0x40026000, rcc, ("AHB1ENR", 21))
        self.register(0x00, "LISR", on_read=lambda: self["LISR"])
        self.register(0x08, "LIFCR", mask=_FLAGS, on_write=self._write_lifcr)
        self.register(0x58, "S3CR", mask=0x0FEFFFFF, on_read=lambda: self["S3CR"], on_write=self._write_s3cr)
        self.register(0x5C, "S3NDTR", mask=0xFFFF, on_read=lambda: self["S3NDTR"], on_write=self._write_s3ndtr)
        self.register(0x60, "S3PAR")
        self.register(0x64, "S3M0AR")
        self.reset()

    def reset(self) -> None:
        """The stream is off."""
        super().reset()
        self._count = 0

    def give(self, source: int, halfwords: bytes) -> None:
        """What the request of channel 0 brings; more than one halfword at a time, see ``_AT_ONCE``."""
        control = self["S3CR"]
        if not control & _EN:
            return
        if control >> 25 != 0 or control & (3 << 6) or not control & _MINC or control & (15 << 11) != _HALFWORDS:
            raise self.error(f"S3CR: {control:#x} is not modelled")
        if self["S3PAR"] != source:
            raise self.error(f"S3PAR is {self['S3PAR']:#x}, not the data register that requests")
        for start in range(0, len(halfwords), 2):
            left = self["S3NDTR"]
            self.machine.write_memory(self["S3M0AR"] + 2 * (self._count - left), halfwords[start : start + 2])
            left -= 1
            if left == self._count // 2:
                self._raise(_HTIF)
            if left == 0:
                self._raise(_TCIF)
                left = self._count
                if not control & _CIRC:
                    self.store("S3CR", control & ~_EN)
            self.store("S3NDTR", left)

    def fail(self) -> None:
        """A transfer error: the hardware switches the stream off."""
        self.store("S3CR", self["S3CR"] & ~_EN)
        self._raise(_TEIF)

    def _raise(self, flag: int) -> None:
        self.store("LISR", self["LISR"] | flag)
        self._update()

    def _update(self) -> None:
        flags, control = self["LISR"], self["S3CR"]
        pairs = (_TEIF, _TEIE), (_HTIF, _HTIE), (_TCIF, _TCIE)
        wanted = any(flags & flag and control & enable for flag, enable in pairs)
        self.machine.set_interrupt(_DMA1_STREAM3_IRQ, bool(wanted))

    def _write_lifcr(self, value: int) -> None:
        self.store("LISR", self["LISR"] & ~value)
        self._update()

    def _write_s3cr(self, value: int) -> None:
        if self["S3CR"] & _EN and value & _EN and value != self["S3CR"]:
            raise self.error("S3CR is changed while the stream is on")
        if value & _EN and not self["S3CR"] & _EN:
            if self["LISR"] & _FLAGS:
                raise self.error("the stream is switched on with its flags set")
            if not self["S3NDTR"] or self["S3M0AR"] % 2:
                raise self.error("the stream is switched on without a count, or with an odd address")
        self.store("S3CR", value)
        self._update()

    def _write_s3ndtr(self, value: int) -> None:
        if self["S3CR"] & _EN:
            raise self.error("S3NDTR is written while the stream is on")
        self._count = value
        self.store("S3NDTR", value)


class I2s2(Clocked):
    """SPI2 as an I2S master that receives; its clock is the microphone's.

    Attributes:
        bit_hz: what the microphone is clocked with, or None while it is off.
    """

    def __init__(self, machine: Machine, rcc: Rcc, dma: Dma1, clock: Gpio, data: Gpio, source: PdmSource) -> None:
        super().__init__(machine, "SPI2", 0x40003800, rcc, ("APB1ENR", 14))
        self._dma, self._clock, self._data, self._source = dma, clock, data, source
        self._event: Event | None = None
        self.register(0x04, "CR2", mask=0x00F7)
        self.register(0x08, "SR", on_read=self._read_sr, read_only=True)
        self.register(0x0C, "DR", mask=0xFFFF, on_read=self._read_dr, read_only=True)
        self.register(0x1C, "I2SCFGR", mask=0x0FBF, on_read=lambda: self["I2SCFGR"], on_write=self._write_i2scfgr)
        self.register(0x20, "I2SPR", reset=2, mask=0x03FF)
        self.reset()

    def reset(self) -> None:
        """Off."""
        super().reset()
        self.bit_hz: float | None = None
        self._data_read = False
        if self._event:
            self._event.cancel()

    def overrun(self) -> None:
        """A halfword was not fetched in time: nothing is taken in until DR and then SR are read."""
        self.store("SR", _OVR)

    def _read_dr(self) -> int:
        self._data_read = True
        return self["DR"]

    def _read_sr(self) -> int:
        status = self["SR"]
        if self._data_read:
            self.store("SR", 0)
        self._data_read = False
        return status

    def _write_i2scfgr(self, value: int) -> None:
        if self["I2SCFGR"] & _I2SE:
            raise self.error("I2SCFGR is changed while the I2S is on")
        self.store("I2SCFGR", value)
        if not value & _I2SE:
            return
        if value & 0xB00 != 0xB00 or value & 7:
            raise self.error(f"I2SCFGR: {value:#x} is no master that receives 16 bits in 16")
        prescaler = self["I2SPR"]
        divider = 2 * (prescaler & 0xFF) + (prescaler >> 8 & 1)
        if prescaler & 0xFF < 2 or prescaler & 1 << 9:
            raise self.error(f"I2SPR: {prescaler:#x} is not allowed here")
        self.bit_hz = self.rcc.i2s_hz / divider
        self._started, self._moved = self.machine.now, 0
        self._schedule()

    def _schedule(self) -> None:
        assert self.bit_hz is not None
        self._moved += _AT_ONCE
        cycles = self._moved * 16 * self.machine.clock_hz / self.bit_hz
        self._event = self.machine.at(self._started + round(cycles), self._move)

    def _move(self) -> None:
        clocked = self._clock.function(10) == _I2S2_FUNCTION
        heard = self._source.read(2 * _AT_ONCE) if clocked else bytes(2 * _AT_ONCE)
        if self._data.function(3) != _I2S2_FUNCTION:
            heard = bytes(len(heard))
        # The first bit of a halfword is its most significant.
        halfwords = np.frombuffer(heard, ">u2").astype("<u2").tobytes()
        if self["CR2"] & 1 and not self["SR"] & _OVR:
            self._dma.give(self.base + 0x0C, halfwords)
        self._schedule()
