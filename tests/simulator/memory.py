"""RAM and flash, and the pages of registers, as Unicorn sees them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

from unicorn import Uc
from unicorn.arm_const import UC_ARM_REG_PC
from unicorn.unicorn_const import UC_PROT_ALL, UC_PROT_EXEC, UC_PROT_READ

from simulator.errors import SimulationError
from simulator.peripheral import Peripheral

PAGE = 0x1000


@dataclass
class Memory:
    """A range of RAM or flash."""

    name: str
    base: int
    content: ctypes.Array[ctypes.c_uint8]
    writable: bool

    def holds(self, address: int, size: int) -> bool:
        """Whether all of the bytes lie in it."""
        return self.base <= address and address + size <= self.base + len(self.content)

    def read(self, address: int, size: int) -> bytes:
        """Bytes at an address."""
        return ctypes.string_at(ctypes.addressof(self.content) + address - self.base, size)

    def write(self, address: int, data: bytes) -> None:
        """Set bytes at an address, flash too."""
        ctypes.memmove(ctypes.addressof(self.content) + address - self.base, data, len(data))


class Bus:
    """Who answers at which address."""

    def __init__(self, unicorn: Uc, guard: Callable[[Callable[[], int]], int]) -> None:
        """``guard`` calls what it is given and keeps the exceptions that it raises."""
        self._unicorn, self._guard = unicorn, guard
        self.memories: list[Memory] = []
        self.peripherals: list[Peripheral] = []
        self._pages: dict[int, list[Peripheral]] = {}

    def add_memory(self, name: str, base: int, size: int, writable: bool) -> Memory:
        """Map memory; erased flash reads as ones, RAM as zeros."""
        content = (ctypes.c_uint8 * size)()
        ctypes.memset(content, 0 if writable else 0xFF, size)
        memory = Memory(name, base, content, writable)
        permissions = UC_PROT_ALL if writable else UC_PROT_READ | UC_PROT_EXEC
        self._unicorn.mem_map_ptr(base, size, permissions, ctypes.addressof(content))
        self.memories.append(memory)
        return memory

    def add(self, peripheral: Peripheral) -> None:
        """Map a peripheral's registers; several may share a page."""
        first, end = peripheral.base, peripheral.base + peripheral.size
        for other in self.peripherals:
            if first < other.base + other.size and other.base < end:
                raise ValueError(f"{peripheral.name} lies over {other.name}")
        self.peripherals.append(peripheral)
        for page in range(first // PAGE, -(-end // PAGE)):
            if page not in self._pages:
                self._pages[page] = []
                self._map(page)
            self._pages[page].append(peripheral)

    def find(self, address: int, size: int, writable: bool) -> Memory:
        """The memory that holds the bytes.

        Raises:
            SimulationError: none does, or it cannot be written.
        """
        for memory in self.memories:
            if memory.holds(address, size) and (memory.writable or not writable):
                return memory
        raise SimulationError(f"{size} bytes at {address:#x} are not {'RAM' if writable else 'memory'}")

    def _map(self, page: int) -> None:
        base = page * PAGE

        def read(_: Uc, offset: int, size: int, __: object) -> int:
            return self._guard(lambda: self._read(page, base + offset, size))

        def write(_: Uc, offset: int, size: int, value: int, __: object) -> None:
            self._guard(lambda: self._write(page, base + offset, size, value))

        self._unicorn.mmio_map(base, PAGE, read, None, write, None)

    def _at(self, page: int, address: int, size: int) -> Peripheral:
        for peripheral in self._pages[page]:
            if peripheral.base <= address < peripheral.base + peripheral.size:
                if address % size:
                    raise peripheral.error(f"{size} bytes at {address:#x} are not aligned")
                return peripheral
        raise SimulationError(f"nothing is modelled at {address:#x}; pc {self._unicorn.reg_read(UC_ARM_REG_PC):#x}")

    def _read(self, page: int, address: int, size: int) -> int:
        peripheral = self._at(page, address, size)
        return peripheral.read(address - peripheral.base, size)

    def _write(self, page: int, address: int, size: int, value: int) -> int:
        peripheral = self._at(page, address, size)
        peripheral.write(address - peripheral.base, size, value)
        return 0
