"""Reset and clock control, flash latency, voltage: RM0090, chapters 3, 5 and 7."""

from __future__ import annotations

from simulator.machine import Machine
from simulator.peripheral import Peripheral

HSE_HZ = 8_000_000
HSI_HZ = 16_000_000
LSI_HZ = 32_000

_HSEON, _PLLON, _PLLI2SON = 1 << 16, 1 << 24, 1 << 26
_CR_RESET = 0x83
_WRITABLE = _HSEON | _PLLON | _PLLI2SON | 0x81
_START_SECONDS = {_HSEON: 2e-3, _PLLON: 300e-6, _PLLI2SON: 300e-6}
_PRESCALERS = {0: 1, 4: 2, 5: 4, 6: 8, 7: 16}


class Flash(Peripheral):
    """The interface register with the wait states."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine, "FLASH", 0x40023C00, 0x400)
        self.register(0x00, "ACR", mask=0x0707)

    def wait_states(self) -> int:
        """How many the program has set."""
        return self["ACR"] & 7


class Power(Peripheral):
    """The regulator's output voltage."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine, "PWR", 0x40007000, 0x400)
        self.register(0x00, "CR", reset=0x4000, mask=0x4000)


class Rcc(Peripheral):
    """The oscillators, the two PLLs, the bus clocks and who is clocked."""

    def __init__(self, machine: Machine, flash: Flash, power: Power, crystal: bool = True) -> None:
        super().__init__(machine, "RCC", 0x40023800, 0x400)
        self._flash, self._power, self._crystal = flash, power, crystal
        self.register(0x00, "CR", reset=_CR_RESET, mask=0x0FFFFFFF, on_read=lambda: self["CR"], on_write=self._write_cr)
        self.register(
            0x04,
            "PLLCFGR",
            reset=0x24003010,
            mask=0x0F437FFF,
            on_read=lambda: self["PLLCFGR"],
            on_write=self._write_pllcfgr,
        )
        self.register(0x08, "CFGR", mask=0xFCFF, on_read=lambda: self["CFGR"], on_write=self._write_cfgr)
        self.register(0x30, "AHB1ENR", reset=0x00100000)
        self.register(0x40, "APB1ENR")
        self.register(
            0x84,
            "PLLI2SCFGR",
            reset=0x20003000,
            mask=0x70007FC0,
            on_read=lambda: self["PLLI2SCFGR"],
            on_write=self._write_plli2scfgr,
        )

    def reset(self) -> None:
        """The internal oscillator, nothing else."""
        super().reset()
        self.machine.clock_hz = HSI_HZ

    # ---- what the other peripherals ask ----

    @property
    def apb1_hz(self) -> int:
        """Clock of the peripherals on APB1."""
        return self.machine.clock_hz // _PRESCALERS[self["CFGR"] >> 10 & 7]

    @property
    def apb1_timer_hz(self) -> int:
        """Clock of the timers on APB1: twice the bus's where that is divided."""
        return self.apb1_hz if self.apb1_hz == self.machine.clock_hz else 2 * self.apb1_hz

    @property
    def i2s_hz(self) -> float:
        """PLLI2S's output."""
        if not self["CR"] & _PLLI2SON << 1:
            raise self.error("the I2S runs before PLLI2S does")
        value = self["PLLI2SCFGR"]
        return self._vco_input() * (value >> 6 & 0x1FF) / (value >> 28)

    # ---- registers ----

    def _write_cr(self, value: int) -> None:
        before = self["CR"]
        for bit, seconds in _START_SECONDS.items():
            on, ready = value & bit, bit << 1
            if on and not before & bit and (bit != _HSEON or self._crystal):
                self.machine.after(round(seconds * self.machine.clock_hz), lambda ready=ready: self._ready(ready))
            if not on:
                before &= ~ready
        self.store("CR", (before & ~_WRITABLE) | (value & _WRITABLE))

    def _ready(self, bit: int) -> None:
        if self["CR"] & bit >> 1:
            self.store("CR", self["CR"] | bit)

    def _vco_input(self) -> float:
        value = self["PLLCFGR"]
        if not value & 1 << 22 or not self["CR"] & _HSEON << 1:
            raise self.error("the PLLs' source is not the running crystal")
        hz = HSE_HZ / (value & 0x3F)
        if not 0.95e6 <= hz <= 2.1e6:
            raise self.error(f"the PLLs' input is {hz} Hz; it must be 1 to 2 MHz")
        return hz

    def _write_pllcfgr(self, value: int) -> None:
        if self["CR"] & _PLLON:
            raise self.error("PLLCFGR is written while the PLL is on")
        self.store("PLLCFGR", value)

    def _write_plli2scfgr(self, value: int) -> None:
        if self["CR"] & _PLLI2SON:
            raise self.error("PLLI2SCFGR is written while PLLI2S is on")
        self.store("PLLI2SCFGR", value)
        vco, divider = self._vco_input() * (value >> 6 & 0x1FF), value >> 28
        if not 192e6 <= vco <= 432e6 or not 2 <= divider <= 7:
            raise self.error(f"PLLI2S would run at {vco} Hz, divided by {divider}")

    def _write_cfgr(self, value: int) -> None:
        if value & 3 == 2:
            self._switch_to_pll(value)
        elif value & 3:
            raise self.error(f"CFGR: clock source {value & 3} is not modelled")
        self.store("CFGR", (value & ~0xC) | (value & 3) << 2)

    def _switch_to_pll(self, value: int) -> None:
        settings = self["PLLCFGR"]
        vco = self._vco_input() * (settings >> 6 & 0x1FF)
        hz = round(vco / (2 * (settings >> 16 & 3) + 2))
        apb1, apb2 = (hz // _PRESCALERS[value >> shift & 7] for shift in (10, 13))
        if not self["CR"] & _PLLON << 1:
            raise self.error("the clock is switched to a PLL that is not ready")
        if value & 0xF0 or not 192e6 <= vco <= 432e6 or hz > 168e6 or apb1 > 42e6 or apb2 > 84e6:
            raise self.error(f"too fast: VCO {vco}, core {hz}, APB1 {apb1}, APB2 {apb2} Hz")
        if hz > 144e6 and not self._power["CR"] & 0x4000:
            raise self.error(f"{hz} Hz needs the higher core voltage")
        if self._flash.wait_states() < -(-hz // 30_000_000) - 1:
            raise self.error(f"{hz} Hz with {self._flash.wait_states()} wait states of the flash")
        self.machine.clock_hz = hz


class Clocked(Peripheral):
    """A peripheral that must be given its clock before it is touched.

    ``enable`` is the register of :class:`Rcc` and the bit in it.
    """

    def __init__(self, machine: Machine, name: str, base: int, rcc: Rcc, enable: tuple[str, int]) -> None:
        super().__init__(machine, name, base, 0x400)
        self.rcc, self._enable = rcc, enable

    def _clocked(self) -> None:
        register, bit = self._enable
        if not self.rcc[register] >> bit & 1:
            raise self.error(f"it has no clock (RCC_{register}, bit {bit})")

    def read(self, offset: int, size: int) -> int:
        """As always, if it has its clock."""
        self._clocked()
        return super().read(offset, size)

    def write(self, offset: int, size: int, value: int) -> None:
        """As always, if it has its clock."""
        self._clocked()
        super().write(offset, size, value)
