"""The boot ROM as far as the program notices it, and the serial flash's interface: datasheet, 2.8 and 4.10."""

from __future__ import annotations

import struct

from simulator.errors import SimulationError
from simulator.machine import Machine
from simulator.peripheral import Peripheral

FLASH = 0x10000000
BOOT2 = 0x20041F00
_STACK = 0x20042000
_FLASH_HZ = 50e6

# lr = 0, then to boot2, as the boot ROM calls it.
_CODE = struct.pack("<4HI", 0x2000, 0x4686, 0x4900, 0x4708, BOOT2 | 1)
_ENTRY = 0x40


def crc32(data: bytes) -> int:
    """The boot ROM's: polynomial 04C11DB7h, from FFFFFFFFh, nothing reflected or inverted."""
    crc = 0xFFFFFFFF
    for bit in (byte >> i & 1 for byte in data for i in range(7, -1, -1)):
        crc = (crc << 1 ^ (0x04C11DB7 if (crc >> 31) ^ bit else 0)) & 0xFFFFFFFF
    return crc


class BootRom(Peripheral):
    """After every reset it copies boot2 to RAM, if its checksum is right."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine, "boot ROM", 0x00003000)
        machine.add_memory("rom", 0, 0x3000)
        machine.write_memory(0, struct.pack("<2I", _STACK, _ENTRY | 1))
        machine.write_memory(_ENTRY, _CODE)

    def reset(self) -> None:
        """What it does before boot2 runs."""
        super().reset()
        page = self.machine.read_memory(FLASH, 256)
        (stored,) = struct.unpack("<I", page[252:])
        if crc32(page[:252]) != stored:
            raise SimulationError(
                f"boot2's checksum is {stored:#x}, not {crc32(page[:252]):#x}: the chip waits for USB"
            )
        self.machine.write_memory(BOOT2, page)


class Ssi(Peripheral):
    """Makes the flash readable as memory.

    Attributes:
        xip: whether it is set up for that.
    """

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine, "SSI", 0x18000000)
        self.register(0x00, "CTRLR0", on_write=lambda value: self._set("CTRLR0", value))
        self.register(0x04, "CTRLR1", on_write=lambda value: self._set("CTRLR1", value))
        self.register(0x08, "SSIENR", reset=1, mask=1, on_write=self._write_ssienr)
        self.register(0x10, "SER", reset=1, mask=1)
        self.register(0x14, "BAUDR", mask=0xFFFF, on_write=lambda value: self._set("BAUDR", value))
        self.register(0xF4, "SPI_CTRLR0", on_write=lambda value: self._set("SPI_CTRLR0", value))
        self.reset()

    def reset(self) -> None:
        """As the boot ROM leaves it: for commands, not for reading as memory."""
        super().reset()
        self.xip = False

    def _set(self, name: str, value: int) -> None:
        if self["SSIENR"]:
            raise self.error(f"{name} is written while the SSI is on")
        self.store(name, value)

    def _write_ssienr(self, value: int) -> None:
        self.store("SSIENR", value)
        if not value:
            self.xip = False
            return
        # One line, frames of 32 bits, EEPROM read; command 03h, 8 bits of it, 24 of address, no wait.
        if self["CTRLR0"] != 31 << 16 | 3 << 8 or self["SPI_CTRLR0"] != 0x03 << 24 | 2 << 8 | 6 << 2:
            raise self.error("it is set up for another command than 03h, which is the only one modelled")
        if self["CTRLR1"] or not self["SER"] or self["BAUDR"] < 2 or self["BAUDR"] % 2:
            raise self.error("it is set up to read nothing, or too much at once")
        self.xip = True
        self.check(self.machine.clock_hz)

    def check(self, hz: int) -> None:
        """What the flash can stand; called when clk_sys changes, too."""
        if not self.xip:
            raise self.error("the program runs before the flash can be read")
        if hz / self["BAUDR"] > _FLASH_HZ:
            raise self.error(f"the flash is read at {hz / self['BAUDR']} Hz; 50 MHz is the most for command 03h")
