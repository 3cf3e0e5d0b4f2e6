"""A Cortex-M core with memory, peripherals and a clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from unicorn import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB, Uc, UcError
from unicorn.arm_const import (
    UC_ARM_REG_PC,
    UC_CPU_ARM_CORTEX_M0,
    UC_CPU_ARM_CORTEX_M3,
    UC_CPU_ARM_CORTEX_M4,
    UC_CPU_ARM_CORTEX_M7,
)
from unicorn.unicorn_const import UC_ERR_INSN_INVALID, UC_HOOK_INTR, UC_HOOK_MEM_INVALID

from simulator.core import Core
from simulator.counter import Counter
from simulator.errors import SimulationError
from simulator.image import read_image
from simulator.memory import Bus
from simulator.peripheral import Peripheral
from simulator.scheduler import Event, Scheduler

_MODELS = {
    "cortex-m0": UC_CPU_ARM_CORTEX_M0,
    "cortex-m3": UC_CPU_ARM_CORTEX_M3,
    "cortex-m4": UC_CPU_ARM_CORTEX_M4,
    "cortex-m7": UC_CPU_ARM_CORTEX_M7,
}
_NOWHERE = 0xFFFFFFFE
"""Where Unicorn is told to stop: an address that no program reaches."""
_WFI = b"\x30\xbf"


class Machine:
    """README.md says how to use one and how to build one.

    Attributes:
        clock_hz: cycles a second.
        vector_table: where reset looks for the stack and the first instruction.
        deliver_faults: whether an undefined instruction and its like enter HardFault, as on the
            hardware, instead of ending the simulation with an error.
        resets: the reasons of all resets after the first.
        stop_reason: why the last :meth:`run` ended, if :meth:`stop` ended it.
    """

    def __init__(
        self,
        cpu: str,
        clock_hz: int,
        interrupts: int,
        priority_bits: int,
        cycles_per_instruction: int = 1,
    ) -> None:
        self.clock_hz = clock_hz
        self.vector_table = 0
        self.deliver_faults = False
        self.resets: list[str] = []
        self.stop_reason: str | None = None
        self._cycles_per_instruction = cycles_per_instruction
        self._asleep = self._stalled = 0
        self._sleeping = False
        self._error: Exception | None = None
        self._exception: int | None = None
        self._invalid = ""
        self._reset_reason: str | None = None
        self._scheduler = Scheduler()
        self.unicorn = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self.unicorn.ctl_set_cpu_model(_MODELS[cpu])
        self._counter = Counter()
        self._counter.attach(self.unicorn)
        self.unicorn.hook_add(UC_HOOK_INTR, self._on_exception)
        self.unicorn.hook_add(UC_HOOK_MEM_INVALID, self._on_invalid)
        self._bus = Bus(self.unicorn, self._guard)
        self.core = Core(self, interrupts, priority_bits, has_basepri=cpu != "cortex-m0")
        self.add(self.core)

    # ---- putting together ----

    def add_memory(self, name: str, base: int, size: int, writable: bool = True) -> None:
        """Map RAM, or flash, which the program cannot write."""
        memory = self._bus.add_memory(name, base, size, writable)
        self._counter.add_code(base, memory.content)

    def add(self, peripheral: Peripheral) -> None:
        """Map a peripheral's registers."""
        self._bus.add(peripheral)

    def load(self, path: Path) -> None:
        """Write an image to memory, as a programmer does, and reset."""
        for address, data in read_image(path):
            self._bus.find(address, len(data), writable=False).write(address, data)
        self._start()

    # ---- what peripherals use ----

    @property
    def instructions(self) -> int:
        """Executed since the start, up to the end of the present block."""
        return int(self._counter.executed)

    @property
    def asleep(self) -> int:
        """Cycles slept in WFI."""
        return self._asleep

    @property
    def now(self) -> int:
        """Cycles since the start."""
        return self.instructions * self._cycles_per_instruction + self._stalled + self._asleep

    @property
    def pc(self) -> int:
        """The program counter, of the present block at least."""
        return int(self.unicorn.reg_read(UC_ARM_REG_PC))

    def at(self, cycle: int, callback: Callable[[], None]) -> Event:
        """Have ``callback`` called at ``cycle``."""
        self._counter.limit = 0
        return self._scheduler.at(cycle, callback)

    def after(self, cycles: int, callback: Callable[[], None]) -> Event:
        """Have ``callback`` called in ``cycles``."""
        return self.at(self.now + cycles, callback)

    def set_interrupt(self, number: int, level: bool) -> None:
        """Raise or lower a peripheral's request line, by interrupt number (0 is exception 16)."""
        self.core.set_line(number, level)

    def interrupt_soon(self) -> None:
        """Look for exceptions at the next block."""
        self._counter.limit = 0

    def stall(self, cycles: int) -> None:
        """Let cycles pass in which nothing is executed."""
        self._stalled += cycles

    def read_memory(self, address: int, size: int) -> bytes:
        """Bytes of memory, for DMA."""
        return self._bus.find(address, size, writable=False).read(address, size)

    def write_memory(self, address: int, data: bytes) -> None:
        """Set bytes of RAM, for DMA."""
        self._bus.find(address, len(data), writable=True).write(address, data)

    def check_ram(self, address: int, size: int) -> None:
        """Refuse a DMA that does not stay in RAM."""
        self._bus.find(address, size, writable=True)

    def reset(self, reason: str) -> None:
        """Start again at the next block, as from a watchdog."""
        self._reset_reason = reason
        self._counter.limit = 0

    def stop(self, reason: str) -> None:
        """End :meth:`run` at the next block."""
        self.stop_reason = reason
        self._counter.limit = 0

    # ---- running ----

    def run(self, seconds: float | None = None, until: Callable[[], bool] | None = None) -> None:
        """Execute for so many simulated seconds, or until something is so, or :meth:`stop`.

        Raises:
            SimulationError: what the README says is not forgiven.
        """
        end = None if seconds is None else self.now + round(seconds * self.clock_hz)
        self.stop_reason = None
        while self.stop_reason is None and (end is None or self.now < end) and not (until and until()):
            self._scheduler.run(self.now)
            if self._reset_reason is not None:
                self.resets.append(self._reset_reason)
                self._start()
            if self._sleeping and not self.core.wakes():
                self._sleep(end)
                continue
            self._sleeping = False
            self.core.take_exception()
            self._execute(end)

    def _start(self) -> None:
        self._reset_reason = None
        self._sleeping = False
        for peripheral in self._bus.peripherals:
            peripheral.reset()
        self.core.start(self.vector_table)

    def _sleep(self, end: int | None) -> None:
        due = self._scheduler.next_cycle()
        if due is None and end is None:
            raise SimulationError(f"the core sleeps and nothing will wake it; pc {self.pc:#x}")
        target = min(t for t in (due, end) if t is not None)
        self._asleep += max(0, target - self.now)

    def _execute(self, end: int | None) -> None:
        """Run until something is due; at least one block."""
        due = self._scheduler.next_cycle()
        times = [t for t in (due, end) if t is not None]
        count = -(-(min(times) - self.now) // self._cycles_per_instruction) if times else 1 << 62
        if self.core.masked_request():
            count = 1  # the program may unmask it any moment
        counter = self._counter
        counter.stopped, counter.limit = 0, counter.executed + max(1, count)
        self._exception, self._invalid = None, ""
        failure = None
        try:
            self.unicorn.emu_start(self.pc | 1, _NOWHERE)
        except UcError as error:
            failure = error
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if failure is not None:
            self.core.fault(f"{self._invalid or failure}", undefined=failure.errno == UC_ERR_INSN_INVALID)
        elif self._exception is not None:
            self.core.on_exception(self._exception)
        elif not counter.stopped:
            if self.read_memory(self.pc - 2, 2) != _WFI:
                raise SimulationError(f"Unicorn stopped for no known reason; pc {self.pc:#x}")
            self._sleeping = True

    def _on_exception(self, unicorn: Uc, number: int, _: object) -> None:
        self._exception = number
        unicorn.emu_stop()

    def _on_invalid(self, _: Uc, kind: int, address: int, size: int, value: int, __: object) -> bool:
        self._invalid = f"{size} bytes at {address:#x} cannot be accessed (Unicorn's kind {kind}, value {value:#x})"
        return False

    def _guard(self, access: Callable[[], int]) -> int:
        """Do an access to a register; an exception in it ends the run instead of passing through Unicorn."""
        try:
            return access()
        except Exception as error:
            self._error = error
            self.unicorn.emu_stop()
            return 0
