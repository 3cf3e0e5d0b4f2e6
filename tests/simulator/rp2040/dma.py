"""The DMA controller's first two channels: datasheet, 2.5."""

from __future__ import annotations

from collections.abc import Callable

from simulator.machine import Machine
from simulator.rp2040.system import DMA, Resets, Resettable

_CHANNELS = 2
_IRQ_0 = 11
_EN, _INCR_READ, _INCR_WRITE, _RING_SEL_WRITE, _BSWAP, _BUSY = 1 << 0, 1 << 4, 1 << 5, 1 << 10, 1 << 22, 1 << 24
_WORDS = 2


class Dma(Resettable):
    """Words from a peripheral's FIFO to memory, channel after channel."""

    def __init__(self, machine: Machine, resets: Resets) -> None:
        super().__init__(machine, "DMA", 0x50000000, resets, DMA)
        for channel in range(_CHANNELS):
            base, n = 0x40 * channel, f"CH{channel}_"
            self.register(base + 0x00, n + "READ_ADDR")
            self.register(base + 0x04, n + "WRITE_ADDR")
            self.register(base + 0x08, n + "TRANS_COUNT", on_read=self._left(channel), on_write=self._reload(channel))
            self.register(base + 0x0C, n + "CTRL_TRIG", on_read=self._control(channel), on_write=self._trigger(channel))
            self.register(
                base + 0x10, n + "AL1_CTRL", on_read=self._control(channel), on_write=self._configure(channel)
            )
        self.register(0x400, "INTR", on_read=lambda: self["INTR"])
        self.register(0x404, "INTE0", mask=3, on_read=lambda: self["INTE0"], on_write=self._write_inte0)
        self.register(0x40C, "INTS0", on_read=lambda: self["INTR"] & self["INTE0"], on_write=self._write_ints0)
        self.reset()

    def reset(self) -> None:
        """All channels idle."""
        super().reset()
        self._controls = [0] * _CHANNELS
        self._counts = [0] * _CHANNELS
        self._reloads = [0] * _CHANNELS

    def _left(self, channel: int) -> Callable[[], int]:
        return lambda: self._counts[channel]

    def _reload(self, channel: int) -> Callable[[int], None]:
        def write(value: int) -> None:
            self._reloads[channel] = value

        return write

    def _control(self, channel: int) -> Callable[[], int]:
        return lambda: self._controls[channel] | (_BUSY if self._counts[channel] else 0)

    def _configure(self, channel: int) -> Callable[[int], None]:
        def write(value: int) -> None:
            if self._counts[channel]:
                raise self.error(f"channel {channel} is changed while it is busy")
            if value & (_INCR_READ | _BUSY) or value >> 2 & 3 != _WORDS or value & 0xFEA00000:
                raise self.error(f"channel {channel}: {value:#x} is not modelled")
            self._controls[channel] = value

        return write

    def _trigger(self, channel: int) -> Callable[[int], None]:
        configure = self._configure(channel)

        def write(value: int) -> None:
            configure(value)
            self._start(channel)

        return write

    def _start(self, channel: int) -> None:
        if self._controls[channel] & _EN:
            self._counts[channel] = self._reloads[channel]

    def give(self, request: int, source: int, word: int) -> bool:
        """A word of the FIFO at ``source``, which raises ``request``; returns whether a channel took it."""
        for channel in range(_CHANNELS):
            control, n = self._controls[channel], f"CH{channel}_"
            if self._counts[channel] and control >> 15 & 63 == request and self[n + "READ_ADDR"] == source:
                self._write(channel, word)
                return True
        return False

    def _write(self, channel: int, word: int) -> None:
        control, name = self._controls[channel], f"CH{channel}_WRITE_ADDR"
        address = self[name]
        self.machine.write_memory(address, word.to_bytes(4, "big" if control & _BSWAP else "little"))
        if control & _INCR_WRITE:
            ring = control >> 6 & 15
            wrap = (1 << ring) - 1 if ring and control & _RING_SEL_WRITE else 0xFFFFFFFF
            self.store(name, (address & ~wrap) | (address + 4 & wrap))
        self._counts[channel] -= 1
        if self._counts[channel] == 0:
            self.store("INTR", self["INTR"] | 1 << channel)
            self._update()
            following = control >> 11 & 15
            if following != channel:
                if following >= _CHANNELS or self._counts[following]:
                    raise self.error(f"channel {channel} starts channel {following}, which cannot start")
                self._start(following)

    def _write_inte0(self, value: int) -> None:
        self.store("INTE0", value)
        self._update()

    def _write_ints0(self, value: int) -> None:
        self.store("INTR", self["INTR"] & ~value)
        self._update()

    def _update(self) -> None:
        self.machine.set_interrupt(_IRQ_0, bool(self["INTR"] & self["INTE0"]))
