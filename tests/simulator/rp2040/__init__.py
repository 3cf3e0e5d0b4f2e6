"""Raspberry Pi Pico: an RP2040 with a PDM microphone at pins 2 and 3, written from the RP2040 datasheet."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simulator.machine import Machine
from simulator.pdm import PdmSource
from simulator.rp2040.boot import FLASH, BootRom, Ssi
from simulator.rp2040.dma import Dma
from simulator.rp2040.io import SIO, IoBank0, PadsBank0, Sio, Uart0
from simulator.rp2040.pio import Microphone, Pio0
from simulator.rp2040.system import ROSC_HZ, Clocks, PllSys, Psm, Resets, Timer, Watchdog, Xosc
from simulator.serial_line import SerialLine

_LED = 25


class Rp2040:
    """The board.

    Args:
        pdm: uint8, the microphone's bits from the moment when it is clocked, the first of a byte the
            most significant; after their end, silence.
        crystal: whether the 12 MHz crystal works.
        cycles_per_instruction: how long each takes. A Cortex-M0+ takes one for most, two for a load, a
            store or a taken branch.

    Attributes:
        machine: the core and what is around it.
        line: UART0's.
    """

    def __init__(
        self, pdm: npt.NDArray[np.uint8] | None = None, crystal: bool = True, cycles_per_instruction: int = 1
    ) -> None:
        machine = Machine("cortex-m0", ROSC_HZ, 32, 2, cycles_per_instruction)
        machine.add_memory("flash", FLASH, 2 << 20, writable=False)
        machine.add_memory("ram", 0x20000000, 264 << 10)
        self.machine, self.line = machine, SerialLine()
        self.source = PdmSource(np.zeros(0, np.uint8) if pdm is None else pdm)
        self.ssi, resets, psm, sio = Ssi(machine), Resets(machine), Psm(machine), Sio(machine)
        xosc = Xosc(machine, crystal)
        pll = PllSys(machine, resets, xosc)
        clocks = Clocks(machine, xosc, pll, self.ssi.check)
        self.watchdog = Watchdog(machine, clocks, psm)
        self._pins, self._sio = IoBank0(machine, resets), sio
        self.pads = PadsBank0(machine, resets)
        self.uart = Uart0(machine, resets, clocks, self._pins, self.line)
        self.dma = Dma(machine, resets)
        self.pio = Pio0(machine, resets, self.dma, self._pins, Microphone(self.source), wired=(2, 3))
        timer = Timer(machine, resets, self.watchdog)
        devices = (self.ssi, resets, psm, sio, xosc, pll, clocks, self.watchdog, self._pins, self.uart, self.dma, timer)
        for device in (BootRom(machine), *devices, self.pio, self.pads):
            machine.add(device)

    @property
    def led(self) -> bool:
        """Whether the LED is lit."""
        return self._pins.function(_LED) == SIO and self.pads.drives(_LED) and self._sio.level(_LED)
