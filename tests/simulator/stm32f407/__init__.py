"""STM32F4 Discovery: an STM32F407VG with a microphone on I2S2, written from RM0090 and UM1472."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simulator.machine import Machine
from simulator.pdm import PdmSource
from simulator.serial_line import SerialLine
from simulator.stm32f407.audio import Dma1, I2s2
from simulator.stm32f407.gpio import Gpio
from simulator.stm32f407.rcc import HSI_HZ, Flash, Power, Rcc
from simulator.stm32f407.timers import Iwdg, Tim2
from simulator.stm32f407.usart import Usart2

_GREEN_LED = 12


class Stm32f407:
    """The board.

    Args:
        pdm: uint8, the microphone's bits from the moment when it is clocked, the first of a byte the
            most significant; after their end, silence.
        crystal: whether the 8 MHz crystal works.

    Attributes:
        machine: the core and what is around it.
        line: USART2's.
    """

    def __init__(self, pdm: npt.NDArray[np.uint8] | None = None, crystal: bool = True) -> None:
        machine = Machine(cpu="cortex-m4", clock_hz=HSI_HZ, interrupts=82, priority_bits=4)
        machine.add_memory("flash", 0x08000000, 1 << 20, writable=False)
        machine.add_memory("ram", 0x20000000, 128 << 10)
        machine.vector_table = 0x08000000
        self.machine, self.line = machine, SerialLine()
        self.source = PdmSource(np.zeros(0, np.uint8) if pdm is None else pdm)
        flash, power = Flash(machine), Power(machine)
        self.rcc = Rcc(machine, flash, power, crystal)
        ports = {letter: Gpio(machine, self.rcc, letter) for letter in "ABCD"}
        self._leds = ports["D"]
        self.dma = Dma1(machine, self.rcc)
        self.i2s = I2s2(machine, self.rcc, self.dma, ports["B"], ports["C"], self.source)
        self.usart = Usart2(machine, self.rcc, ports["A"], self.line)
        self.watchdog = Iwdg(machine)
        devices = (flash, power, self.rcc, *ports.values(), self.dma, self.i2s, self.usart, self.watchdog)
        for device in (*devices, Tim2(machine, self.rcc)):
            machine.add(device)

    @property
    def led(self) -> bool:
        """Whether the green LED is lit."""
        return self._leds.level(_GREEN_LED)
