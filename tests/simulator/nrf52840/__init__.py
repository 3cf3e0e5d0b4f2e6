"""Nordic's nRF52840 on the two boards that firmware/boards/nrf52840 knows; from the Product Specification v1.7."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simulator.audio import PcmSource
from simulator.machine import Machine
from simulator.nrf52840.clock import Clock
from simulator.nrf52840.others import Ficr, Gpio, Nvmc, Timer, Watchdog
from simulator.nrf52840.pdm import Pdm
from simulator.nrf52840.uarte import Uarte
from simulator.serial_line import SerialLine

CLOCK_HZ = 64_000_000
FLASH_BYTES, RAM_BYTES = 1 << 20, 256 << 10

_PORT1 = 32
PINS = {
    "nano33ble": {"uart": (_PORT1 + 3, _PORT1 + 10), "pdm": (26, 25)},
    "dk": {"uart": (6, 8), "pdm": (30, 31)},
}
"""By board: (TXD, RXD) of the UART and (CLK, DIN) of the microphone; port 1's pins count from 32."""

FLASH_START = {"nano33ble": 0x10000, "dk": 0}
"""Where the boot loader, or reset itself, looks for the program."""

LED_PIN, MICROPHONE_POWER_PIN = 13, 17


class Nrf52840:
    """A board with its microphone and serial line."""

    def __init__(
        self,
        pcm: npt.NDArray[np.int16] | None = None,
        variant: str = "nano33ble",
        crystal: bool = True,
        cycles_per_instruction: int = 1,
        chip: str = "AAF0",
    ) -> None:
        self.source = PcmSource(np.zeros(0, np.int16) if pcm is None else pcm)
        self.line = SerialLine()
        self.machine = Machine("cortex-m4", CLOCK_HZ, 48, 3, cycles_per_instruction)
        self.machine.vector_table = FLASH_START[variant]
        self.machine.add_memory("flash", 0, FLASH_BYTES, writable=False)
        self.machine.add_memory("ram", 0x20000000, RAM_BYTES)
        self.clock = Clock(self.machine, crystal, hardened=chip[2] >= "F")
        self.pdm = Pdm(self.machine, self.source, PINS[variant]["pdm"], lambda: self.clock.running)
        self.uarte = Uarte(self.machine, self.line, PINS[variant]["uart"])
        self.ports = (Gpio(self.machine, 0, 32), Gpio(self.machine, 1, 16))
        self.timer = Timer(self.machine)
        self.watchdog = Watchdog(self.machine)
        others = (Nvmc(self.machine), Ficr(self.machine, chip))
        for device in (self.clock, self.pdm, self.uarte, *self.ports, self.timer, self.watchdog, *others):
            self.machine.add(device)
