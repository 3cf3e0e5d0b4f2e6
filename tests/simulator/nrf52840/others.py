"""GPIO, TIMER, WDT, NVMC and FICR as far as they are in use (nRF52840 PS, 6.8, 6.30, 6.36, 4.3, 4.4)."""

from __future__ import annotations

from fractions import Fraction

from simulator.machine import Machine
from simulator.nrf52840.device import NordicPeripheral
from simulator.peripheral import Peripheral
from simulator.scheduler import Event

_PCLK16M_HZ = 16_000_000
_LFCLK_HZ = 32768
_RELOAD = 0x6E524635
_WATCHDOG_RESET_CYCLES = 2
"""LFCLK cycles from TIMEOUT to the reset."""


class Gpio(Peripheral):
    """One port.

    Attributes:
        out: the OUT register.
        changes: (cycle, pin, level) of every change of an output latch.
    """

    def __init__(self, machine: Machine, port: int, pins: int) -> None:
        super().__init__(machine, f"P{port}", 0x50000000 + 0x300 * port + 0x500, 0x300)
        self._pins = pins
        self.out = 0
        self.changes: list[tuple[int, int, int]] = []
        mask = (1 << pins) - 1
        self.register(0x008, "OUTSET", mask=mask, on_write=lambda bits: self._set(self.out | bits))
        self.register(0x00C, "OUTCLR", mask=mask, on_write=lambda bits: self._set(self.out & ~bits))
        for pin in range(pins):
            self.register(0x200 + 4 * pin, f"PIN_CNF[{pin}]", reset=2, mask=0x3070F)

    def reset(self) -> None:
        """As after power-up."""
        super().reset()
        self.out = 0

    def drives(self, pin: int) -> int | None:
        """The level that a pin is driven to, or None if it is an input."""
        return self.out >> pin & 1 if self[f"PIN_CNF[{pin}]"] & 1 else None

    def _set(self, value: int) -> None:
        for pin in range(self._pins):
            if (value ^ self.out) >> pin & 1:
                self.changes.append((self.machine.now, pin, value >> pin & 1))
        self.out = value


class Timer(NordicPeripheral):
    """TIMER0 as a free-running counter with captures."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine, "TIMER0", 0x40008000, 8)
        self._begin = 0
        self._running = False
        self.task(0x000, "TASKS_START", self._start)
        self.register(0x508, "BITMODE", mask=3)
        self.register(0x510, "PRESCALER", reset=4, mask=0xF)
        for i in range(6):
            self.task(0x040 + 4 * i, f"TASKS_CAPTURE[{i}]", lambda i=i: self.store(f"CC[{i}]", self._count()))
            self.register(0x540 + 4 * i, f"CC[{i}]")

    def reset(self) -> None:
        """As after power-up."""
        super().reset()
        self._running = False

    def _start(self) -> None:
        self._begin, self._running = self.machine.now, True

    def _count(self) -> int:
        if not self._running or self["PRESCALER"] > 9:
            raise self.error("CAPTURE of a timer that does not run, or with a prescaler over 9")
        rate = Fraction(_PCLK16M_HZ >> self["PRESCALER"], self.machine.clock_hz)
        bits = {0: 16, 1: 8, 2: 24, 3: 32}[self["BITMODE"]]
        return int((self.machine.now - self._begin) * rate) % (1 << bits)


class Watchdog(NordicPeripheral):
    """WDT with one reload register, running in sleep."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine, "WDT", 0x40010000, 16)
        self._timeout: Event | None = None
        self.feeds = 0
        self.task(0x000, "TASKS_START", self._start)
        self.register(0x504, "CRV", reset=0xFFFFFFFF)
        self.register(0x50C, "CONFIG", reset=1, mask=0b1001)
        self.register(0x600, "RR[0]", on_write=self._reload)

    def reset(self) -> None:
        """As after power-up."""
        super().reset()
        if self._timeout is not None:
            self._timeout.cancel()
        self._timeout = None

    def _start(self) -> None:
        if not self["CONFIG"] & 1 or self["CRV"] < 15:
            raise self.error(f"START with CONFIG {self['CONFIG']}, CRV {self['CRV']} is not modelled")
        if self._timeout is None:
            self._count_down()

    def _reload(self, value: int) -> None:
        if value != _RELOAD:
            raise self.error(f"RR[0] is written with {value:#x}, which does not reload")
        self.feeds += 1
        if self._timeout is not None:
            self._timeout.cancel()
            self._count_down()

    def _count_down(self) -> None:
        cycles = (self["CRV"] + 1 + _WATCHDOG_RESET_CYCLES) * self.machine.clock_hz / _LFCLK_HZ
        self._timeout = self.machine.after(round(cycles), lambda: self.machine.reset("watchdog"))


class Nvmc(Peripheral):
    """The instruction cache's switch; without wait states in the model it changes nothing."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine, "NVMC", 0x4001E000)
        self.register(0x540, "ICACHECNF", mask=0x101)


class Ficr(Peripheral):
    """What the factory wrote; ``variant`` is four letters and digits, such as AAF0 for build code F0."""

    def __init__(self, machine: Machine, variant: str) -> None:
        super().__init__(machine, "FICR", 0x10000000)
        self.register(0x104, "INFO.VARIANT", reset=int.from_bytes(variant.encode(), "big"), read_only=True)
