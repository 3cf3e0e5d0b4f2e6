"""TIM2 as a free-running counter (RM0090, chapter 18) and the independent watchdog (chapter 21)."""

from __future__ import annotations

from simulator.machine import Machine
from simulator.peripheral import Peripheral
from simulator.scheduler import Event
from simulator.stm32f407.rcc import LSI_HZ, Clocked, Rcc

_START, _UNLOCK, _RELOAD = 0xCCCC, 0x5555, 0xAAAA
_TAKE_OVER_PERIODS = 5


class Tim2(Clocked):
    """Counts up over 32 bits from the moment it is enabled."""

    def __init__(self, machine: Machine, rcc: Rcc) -> None:
        super().__init__(machine, "TIM2", 0x40000000, rcc, ("APB1ENR", 0))
        self._started: int | None = None
        self.register(0x00, "CR1", mask=1, on_read=lambda: self["CR1"], on_write=self._write_cr1)
        self.register(0x24, "CNT", on_read=self._count)

    def reset(self) -> None:
        """Stopped at zero."""
        super().reset()
        self._started = None

    def _write_cr1(self, value: int) -> None:
        if value & 1 and self._started is None:
            self._started = self.machine.now
        self.store("CR1", value)

    def _count(self) -> int:
        if self._started is None:
            return 0
        return (self.machine.now - self._started) * self.rcc.apb1_timer_hz // self.machine.clock_hz


class Iwdg(Peripheral):
    """Counts the 32 kHz oscillator down; at zero the microcontroller is reset."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine, "IWDG", 0x40003000, 0x400)
        self._event: Event | None = None
        self.register(0x00, "KR", mask=0xFFFF, on_write=self._write_kr)
        self.register(0x04, "PR", mask=7, on_write=lambda value: self._write("PR", value))
        self.register(0x08, "RLR", reset=0xFFF, mask=0xFFF, on_write=lambda value: self._write("RLR", value))
        self.register(0x0C, "SR", on_read=self._status)
        self.reset()

    def reset(self) -> None:
        """Stopped; only a reset stops it."""
        super().reset()
        self._unlocked = False
        self._settled: dict[str, int] = {}
        if self._event:
            self._event.cancel()
        self._event = None

    @property
    def running(self) -> bool:
        """Whether it counts."""
        return self._event is not None

    def _seconds(self) -> float:
        return (self["RLR"] + 1) * (4 << min(self["PR"], 6)) / LSI_HZ

    def _write_kr(self, value: int) -> None:
        if value not in (_START, _UNLOCK, _RELOAD):
            raise self.error(f"KR: {value:#x} is no key")
        self._unlocked = value == _UNLOCK
        if value == _START or (value == _RELOAD and self._event):
            if self._event:
                self._event.cancel()
            cycles = round(self._seconds() * self.machine.clock_hz)
            self._event = self.machine.after(cycles, lambda: self.machine.reset("IWDG"))

    def _write(self, name: str, value: int) -> None:
        if not self._unlocked or self.machine.now < self._settled.get(name, 0):
            raise self.error(f"{name} is written while it is locked or being taken over")
        self.store(name, value)
        self._settled[name] = self.machine.now + round(_TAKE_OVER_PERIODS * self.machine.clock_hz / LSI_HZ)

    def _status(self) -> int:
        return sum(bit for name, bit in (("PR", 1), ("RLR", 2)) if self.machine.now < self._settled.get(name, 0))
