"""A device behind memory-mapped registers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.errors import SimulationError

if TYPE_CHECKING:
    from simulator.machine import Machine

WORD = 0xFFFFFFFF


@dataclass
class _Register:
    name: str
    reset: int
    mask: int
    on_read: Callable[[], int] | None
    on_write: Callable[[int], None] | None
    readable: bool
    writable: bool
    sizes: tuple[int, ...]


class Peripheral:
    """Registers at ``base``; what is not declared with :meth:`register` is an error to touch."""

    def __init__(self, machine: Machine, name: str, base: int, size: int = 0x1000) -> None:
        self.machine, self.name, self.base, self.size = machine, name, base, size
        self._registers: dict[int, _Register] = {}
        self._offsets: dict[str, int] = {}
        self._values: dict[str, int] = {}

    def register(
        self,
        offset: int,
        name: str,
        reset: int = 0,
        mask: int = WORD,
        on_read: Callable[[], int] | None = None,
        on_write: Callable[[int], None] | None = None,
        read_only: bool = False,
        write_only: bool = False,
        sizes: tuple[int, ...] = (4,),
    ) -> None:
        """Declare a register; README.md says what the arguments mean."""
        if offset in self._registers or name in self._offsets:
            raise ValueError(f"{self.name} has two registers {name} or two at {offset:#x}")
        readable = not write_only and (on_read is not None or on_write is None)
        writable = not read_only and (on_write is not None or on_read is None)
        self._registers[offset] = _Register(name, reset, mask, on_read, on_write, readable, writable, sizes)
        self._offsets[name] = offset
        self._values[name] = reset

    def __getitem__(self, name: str) -> int:
        return self._values[name]

    def store(self, name: str, value: int) -> None:
        """Set a register's stored value, as the device itself does."""
        self._values[name] = value & WORD

    def reset(self) -> None:
        """As after power-up; a device with more state than its registers extends this."""
        for register in self._registers.values():
            self._values[register.name] = register.reset

    def read(self, offset: int, size: int) -> int:
        """What a load of ``size`` bytes at ``offset`` gives."""
        register = self._find(offset, size, "read")
        if not register.readable:
            raise self.error(f"{register.name} cannot be read")
        return (register.on_read() if register.on_read else self._values[register.name]) & WORD

    def write(self, offset: int, size: int, value: int) -> None:
        """What a store of ``size`` bytes at ``offset`` does."""
        register = self._find(offset, size, "written")
        if not register.writable:
            raise self.error(f"{register.name} cannot be written (with {value:#x})")
        if value & ~register.mask:
            raise self.error(f"{register.name} has no bits for {value:#x}, only {register.mask:#x}")
        if register.on_write:
            register.on_write(value)
        else:
            self._values[register.name] = value

    def error(self, what: str) -> SimulationError:
        """An error that names the device and the instruction."""
        return SimulationError(f"{self.name}: {what}; pc {self.machine.pc:#x}, cycle {self.machine.now}")

    def _find(self, offset: int, size: int, what: str) -> _Register:
        register = self._registers.get(offset)
        if register is None:
            raise self.error(f"nothing is modelled at {self.base + offset:#x}, {size} bytes of which are {what}")
        if size not in register.sizes:
            raise self.error(f"{register.name} is {what} with {size} bytes")
        return register
