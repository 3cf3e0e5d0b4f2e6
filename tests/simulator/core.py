"""What Unicorn leaves out of a Cortex-M: the System Control Space and exceptions.

From the Armv7-M Architecture Reference Manual (DDI 0403): B1.5 for exceptions, B3.2 for the
registers. Modelled: one stack (MSP), no floating-point context, no sub-priorities.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from unicorn.arm_const import (
    UC_ARM_REG_BASEPRI,
    UC_ARM_REG_CONTROL,
    UC_ARM_REG_FAULTMASK,
    UC_ARM_REG_LR,
    UC_ARM_REG_PC,
    UC_ARM_REG_PRIMASK,
    UC_ARM_REG_R0,
    UC_ARM_REG_R1,
    UC_ARM_REG_R2,
    UC_ARM_REG_R3,
    UC_ARM_REG_R12,
    UC_ARM_REG_SP,
    UC_ARM_REG_XPSR,
)

from simulator.errors import SimulationError
from simulator.peripheral import WORD, Peripheral

if TYPE_CHECKING:
    from simulator.machine import Machine

HARD_FAULT = 3
FIRST_INTERRUPT = 16
ENTRY_CYCLES = 12
"""From a request to the handler's first instruction, and back, on a Cortex-M4 with memory without wait states."""

_STACKED = (UC_ARM_REG_R0, UC_ARM_REG_R1, UC_ARM_REG_R2, UC_ARM_REG_R3, UC_ARM_REG_R12, UC_ARM_REG_LR)
_AT_ENTRY = (UC_ARM_REG_CONTROL, UC_ARM_REG_SP, UC_ARM_REG_XPSR, *_STACKED, UC_ARM_REG_PC)
_RETURN_TO_HANDLER, _RETURN_TO_THREAD = 0xFFFFFFF1, 0xFFFFFFF9
_IPSR = 0x1FF
_IT = 0x0600FC00
_ALIGNED = 1 << 9
_VECTKEY = 0x05FA
_SYSRESETREQ = 1 << 2
_CFSR_UNDEFINSTR = 1 << 16
_HFSR_FORCED = 1 << 30

# Exception numbers as Unicorn reports them (QEMU's target/arm/cpu.h).
_SUPERVISOR_CALL, _BREAKPOINT, _EXCEPTION_EXIT = 2, 7, 8


class Core(Peripheral):
    """NVIC and System Control Block, and the exceptions that they govern."""

    def __init__(self, machine: Machine, interrupts: int, priority_bits: int, has_basepri: bool) -> None:
        super().__init__(machine, "SCS", 0xE000E000)
        self._count = interrupts
        self._priority_mask = 0xFF & ~(0xFF >> priority_bits)
        self._has_basepri = has_basepri
        self._lines: set[int] = set()
        self._pending: set[int] = set()
        self._enabled: set[int] = set()
        self._active: list[int] = []
        self._priorities: dict[int, int] = {}
        for word in range(-(-interrupts // 32)):
            first = FIRST_INTERRUPT + 32 * word
            self._bits(0x100 + 4 * word, f"NVIC_ISER{word}", self._enabled, first, set_bits=True)
            self._bits(0x180 + 4 * word, f"NVIC_ICER{word}", self._enabled, first, set_bits=False)
            self._bits(0x200 + 4 * word, f"NVIC_ISPR{word}", self._pending, first, set_bits=True)
            self._bits(0x280 + 4 * word, f"NVIC_ICPR{word}", self._pending, first, set_bits=False)
        self.register(0xD04, "ICSR", on_read=lambda: self._active[-1] if self._active else 0)
        self.register(0xD08, "VTOR", mask=0xFFFFFF80)
        self.register(0xD0C, "AIRCR", reset=0xFA050000, on_write=self._write_aircr)
        self.register(0xD10, "SCR", mask=0)
        self.register(0xD28, "CFSR", on_read=lambda: self["CFSR"], on_write=lambda value: self._clear("CFSR", value))
        self.register(0xD2C, "HFSR", on_read=lambda: self["HFSR"], on_write=lambda value: self._clear("HFSR", value))

    def reset(self) -> None:
        """As after power-up."""
        super().reset()
        for state in (self._pending, self._enabled, self._active, self._priorities):
            state.clear()

    # ---- the machine's side ----

    def start(self, vector_table: int) -> None:
        """Take the reset exception."""
        unicorn = self.machine.unicorn
        stack, entry = struct.unpack("<2I", self.machine.read_memory(vector_table, 8))
        if not entry & 1 or stack % 8:
            raise SimulationError(f"there is no program: reset finds stack {stack:#x}, entry {entry:#x}")
        self.store("VTOR", vector_table)
        for register in (UC_ARM_REG_PRIMASK, UC_ARM_REG_CONTROL):
            unicorn.reg_write(register, 0)
        unicorn.reg_write(UC_ARM_REG_XPSR, 1 << 24)
        unicorn.reg_write(UC_ARM_REG_SP, stack)
        unicorn.reg_write(UC_ARM_REG_LR, WORD)
        unicorn.reg_write(UC_ARM_REG_PC, entry)

    def set_line(self, interrupt: int, level: bool) -> None:
        """A peripheral's request."""
        number = FIRST_INTERRUPT + interrupt
        if not level:
            self._lines.discard(number)
        elif number not in self._lines:
            self._lines.add(number)
            self._pending.add(number)
            self.machine.interrupt_soon()

    def wakes(self) -> bool:
        """Whether a request ends WFI: one that would be taken if PRIMASK were 0."""
        best = self._best()
        return best is not None and self._priority(best) < self._running_priority(masks=False)

    def masked_request(self) -> bool:
        """Whether a request waits for the program to unmask or return."""
        return self._best() is not None

    def take_exception(self) -> None:
        """Enter the handler of the most urgent request, if it may interrupt what runs."""
        best = self._best()
        if best is None or self._priority(best) >= self._running_priority(masks=True):
            return
        if self.machine.unicorn.reg_read(UC_ARM_REG_XPSR) & _IT:
            return  # inside an IT block; at a later block
        self._pending.discard(best)
        self._enter(best)

    def on_exception(self, kind: int) -> None:
        """What Unicorn could not do alone: a return from a handler, a call, a fault."""
        if kind == _EXCEPTION_EXIT:
            self._leave()
        else:
            name = {_SUPERVISOR_CALL: "SVC", _BREAKPOINT: "BKPT"}.get(kind, f"Unicorn's exception {kind}")
            self.fault(name)

    def fault(self, what: str, undefined: bool = False) -> None:
        """Enter HardFault, or end the simulation."""
        if not self.machine.deliver_faults or self._running_priority(masks=False) < 0:
            raise SimulationError(f"fault: {what}; pc {self.machine.pc:#x}, cycle {self.machine.now}")
        if undefined:
            self.store("CFSR", self["CFSR"] | _CFSR_UNDEFINSTR)
        self.store("HFSR", self["HFSR"] | _HFSR_FORCED)
        self._enter(HARD_FAULT)

    # ---- exceptions ----

    def _priority(self, number: int) -> int:
        return -1 if number == HARD_FAULT else self._priorities.get(number, 0)

    def _running_priority(self, masks: bool) -> int:
        """Of what runs; a smaller number is more urgent, 256 is a thread's."""
        unicorn = self.machine.unicorn
        priority = min((self._priority(n) for n in self._active), default=256)
        if self._has_basepri and (basepri := unicorn.reg_read(UC_ARM_REG_BASEPRI) & self._priority_mask):
            priority = min(priority, basepri)
        if masks and unicorn.reg_read(UC_ARM_REG_PRIMASK) & 1:
            priority = min(priority, 0)
        if self._has_basepri and unicorn.reg_read(UC_ARM_REG_FAULTMASK) & 1:
            priority = min(priority, -1)
        return priority

    def _best(self) -> int | None:
        requests = self._pending & self._enabled
        return min(requests, key=lambda n: (self._priority(n), n)) if requests else None

    def _enter(self, number: int) -> None:
        unicorn, machine = self.machine.unicorn, self.machine
        control, stack, state, *words = unicorn.reg_read_batch(_AT_ENTRY)
        if control & 6:
            raise self.error("a second stack or floating-point context is in use, which is not modelled")
        frame = (stack - 32) & ~7
        if stack & 4:
            state |= _ALIGNED
        machine.write_memory(frame, struct.pack("<8I", *words, state))
        (handler,) = struct.unpack("<I", machine.read_memory(self["VTOR"] + 4 * number, 4))
        if not handler & 1:
            raise self.error(f"exception {number} has no handler: its vector is {handler:#x}")
        values = {
            UC_ARM_REG_SP: frame,
            UC_ARM_REG_LR: _RETURN_TO_HANDLER if self._active else _RETURN_TO_THREAD,
            UC_ARM_REG_XPSR: (state & ~(_IPSR | _IT | _ALIGNED)) | number,
            UC_ARM_REG_PC: handler,
        }
        unicorn.reg_write_batch([*values.items()])
        self._active.append(number)
        machine.stall(ENTRY_CYCLES)

    def _leave(self) -> None:
        unicorn, machine = self.machine.unicorn, self.machine
        target = unicorn.reg_read(UC_ARM_REG_PC) | 1
        expected = _RETURN_TO_HANDLER if len(self._active) > 1 else _RETURN_TO_THREAD
        if not self._active or target != expected:
            raise self.error(f"a return from an exception to {target:#x} with {self._active} active")
        number = self._active.pop()
        frame = unicorn.reg_read(UC_ARM_REG_SP)
        *registers, pc, state = struct.unpack("<8I", machine.read_memory(frame, 32))
        values = dict(zip(_STACKED, registers, strict=True))
        values[UC_ARM_REG_SP] = frame + 32 + (4 if state & _ALIGNED else 0)
        values[UC_ARM_REG_XPSR] = state & ~_ALIGNED
        values[UC_ARM_REG_PC] = pc | 1
        unicorn.reg_write_batch([*values.items()])
        if number in self._lines:
            self._pending.add(number)
        machine.stall(ENTRY_CYCLES)

    # ---- registers ----

    def _bits(self, offset: int, name: str, numbers: set[int], first: int, set_bits: bool) -> None:
        """A register with a bit an interrupt, which writing a one sets or clears."""
        valid = [n for n in range(first, first + 32) if n < FIRST_INTERRUPT + self._count]

        def read() -> int:
            return sum(1 << (n - first) for n in valid if n in numbers)

        def write(value: int) -> None:
            chosen = {n for n in valid if value >> (n - first) & 1}
            if set_bits:
                numbers.update(chosen)
            else:
                numbers.difference_update(chosen)
                if numbers is self._pending:
                    numbers.update(chosen & self._lines)
            self.machine.interrupt_soon()

        mask = sum(1 << (n - first) for n in valid)
        self.register(offset, name, mask=mask, on_read=read, on_write=write)

    def read(self, offset: int, size: int) -> int:
        """Priorities by the byte or word, all else as declared."""
        if 0x400 <= offset < 0x400 + self._count:
            first = FIRST_INTERRUPT + offset - 0x400
            return sum(self._priorities.get(first + i, 0) << (8 * i) for i in range(size))
        return super().read(offset, size)

    def write(self, offset: int, size: int, value: int) -> None:
        """Priorities by the byte or word, all else as declared."""
        if 0x400 <= offset < 0x400 + self._count:
            for i in range(size):
                self._priorities[FIRST_INTERRUPT + offset - 0x400 + i] = value >> (8 * i) & self._priority_mask
            self.machine.interrupt_soon()
        else:
            super().write(offset, size, value)

    def _clear(self, name: str, bits: int) -> None:
        self.store(name, self[name] & ~bits)

    def _write_aircr(self, value: int) -> None:
        if value >> 16 != _VECTKEY or value & 0xFFFF != _SYSRESETREQ:
            raise self.error(f"AIRCR is written with {value:#x}; only a reset request is modelled")
        self.machine.reset("SYSRESETREQ")
