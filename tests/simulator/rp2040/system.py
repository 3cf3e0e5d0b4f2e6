"""Resets, oscillators, clocks, watchdog and timer: RP2040 datasheet, chapters 2.13 to 2.19 and 4.6, 4.7."""

from __future__ import annotations

from collections.abc import Callable

from simulator.machine import Machine
from simulator.peripheral import Peripheral
from simulator.scheduler import Event

ROSC_HZ = 6_500_000
XOSC_HZ = 12_000_000

DMA, IO_BANK0, PADS_BANK0, PIO0, PLL_SYS, TIMER, UART0 = 2, 5, 8, 10, 12, 21, 22
"""Bits of the RESETS registers."""

_STABLE, _LOCK = 1 << 31, 1 << 31
_XOSC_ENABLE, _XOSC_RANGE = 0xFAB << 12, 0xAA0
_PD, _POSTDIVPD, _VCOPD = 1 << 0, 1 << 3, 1 << 5
_LOCK_SECONDS = 100e-6
_WATCHDOG_ENABLE = 1 << 30
_TICK_ENABLE = 1 << 9


class Aliased(Peripheral):
    """Registers with the aliases that toggle, set and clear bits (2.1.2)."""

    def __init__(self, machine: Machine, name: str, base: int) -> None:
        super().__init__(machine, name, base, 0x4000)

    def read(self, offset: int, size: int) -> int:
        """From the first alias only; the others read alike but nothing here needs them."""
        return super().read(offset, size)

    def write(self, offset: int, size: int, value: int) -> None:
        """What the alias makes of the value is what the register is written with."""
        alias, offset = offset >> 12, offset & 0xFFF
        if alias:
            before = super().read(offset, size)
            value = (before ^ value, before | value, before & ~value)[alias - 1]
        super().write(offset, size, value)


class Resets(Aliased):
    """Who is held in reset."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine, "RESETS", 0x4000C000)
        self.held: list[tuple[int, Peripheral]] = []
        self.register(
            0x00,
            "RESET",
            reset=0x01FFFFFF,
            mask=0x01FFFFFF,
            on_read=lambda: self["RESET"],
            on_write=self._write_reset,
        )
        self.register(0x08, "RESET_DONE", on_read=lambda: ~self["RESET"] & 0x01FFFFFF)

    def _write_reset(self, value: int) -> None:
        newly = value & ~self["RESET"]
        self.store("RESET", value)
        for bit, peripheral in self.held:
            if newly >> bit & 1:
                peripheral.reset()


class Resettable(Aliased):
    """A peripheral that must be let out of reset before it is touched."""

    def __init__(self, machine: Machine, name: str, base: int, resets: Resets, bit: int) -> None:
        super().__init__(machine, name, base)
        self._resets, self._bit = resets, bit
        resets.held.append((bit, self))

    def _released(self) -> None:
        if self._resets["RESET"] >> self._bit & 1:
            raise self.error("it is held in reset")

    def read(self, offset: int, size: int) -> int:
        """As always, if it is out of reset."""
        self._released()
        return super().read(offset, size)

    def write(self, offset: int, size: int, value: int) -> None:
        """As always, if it is out of reset."""
        self._released()
        super().write(offset, size, value)


class Xosc(Aliased):
    """The crystal oscillator."""

    def __init__(self, machine: Machine, crystal: bool) -> None:
        super().__init__(machine, "XOSC", 0x40024000)
        self._crystal = crystal
        self.register(0x00, "CTRL", mask=0xFFFFFF, on_read=lambda: self["CTRL"], on_write=self._write_ctrl)
        self.register(0x04, "STATUS", on_read=lambda: self["STATUS"])
        self.register(0x0C, "STARTUP", reset=0xC4, mask=0x103FFF)

    @property
    def stable(self) -> bool:
        """Whether it can be used."""
        return bool(self["STATUS"] & _STABLE)

    def _write_ctrl(self, value: int) -> None:
        if value != _XOSC_ENABLE | _XOSC_RANGE:
            raise self.error(f"CTRL: {value:#x} does not start it")
        self.store("CTRL", value)
        if self._crystal:
            seconds = (self["STARTUP"] & 0x3FFF) * 256 / XOSC_HZ
            self.machine.after(round(seconds * self.machine.clock_hz), lambda: self.store("STATUS", _STABLE | 1 << 12))


class PllSys(Resettable):
    """The PLL of the system clock."""

    def __init__(self, machine: Machine, resets: Resets, xosc: Xosc) -> None:
        super().__init__(machine, "PLL_SYS", 0x40028000, resets, PLL_SYS)
        self._xosc = xosc
        self.register(0x00, "CS", reset=1, mask=0x13F, on_read=self._read_cs, on_write=self._write_cs)
        self.register(0x04, "PWR", reset=0x2D, mask=0x2D, on_read=lambda: self["PWR"], on_write=self._write_pwr)
        self.register(0x08, "FBDIV_INT", mask=0xFFF)
        self.register(0x0C, "PRIM", reset=0x77000, mask=0x77000)
        self.reset()

    def reset(self) -> None:
        """Powered down."""
        super().reset()
        self._locks_at: int | None = None

    def _write_cs(self, value: int) -> None:
        if value & ~0x3F:
            raise self.error(f"CS: {value:#x} bypasses the PLL")
        self.store("CS", value)

    def _write_pwr(self, value: int) -> None:
        running = not value & (_PD | _VCOPD)
        if running and self._locks_at is None:
            vco = XOSC_HZ / (self["CS"] & 0x3F) * self["FBDIV_INT"]
            if not self._xosc.stable or not 750e6 <= vco <= 1600e6:
                raise self.error(f"the VCO would run at {vco} Hz, the crystal being stable: {self._xosc.stable}")
            self._locks_at = self.machine.now + round(_LOCK_SECONDS * self.machine.clock_hz)
        elif not running:
            self._locks_at = None
        self.store("PWR", value)

    def _read_cs(self) -> int:
        locked = self._locks_at is not None and self.machine.now >= self._locks_at
        return self["CS"] | (_LOCK if locked else 0)

    @property
    def hz(self) -> int:
        """Its output."""
        if self["PWR"] & _POSTDIVPD or not self._read_cs() & _LOCK:
            raise self.error("it is used while it gives no clock")
        prim = self["PRIM"]
        return round(XOSC_HZ / (self["CS"] & 0x3F) * self["FBDIV_INT"] / (prim >> 16 & 7) / (prim >> 12 & 7))


class Clocks(Aliased):
    """clk_ref, clk_sys and clk_peri.

    ``on_change`` is called with clk_sys's new frequency.
    """

    def __init__(self, machine: Machine, xosc: Xosc, pll: PllSys, on_change: Callable[[int], None]) -> None:
        super().__init__(machine, "CLOCKS", 0x40008000)
        self._xosc, self._pll, self._on_change = xosc, pll, on_change
        self.register(0x30, "CLK_REF_CTRL", mask=0x63, on_read=lambda: self["CLK_REF_CTRL"], on_write=self._write_ref)
        self.register(0x38, "CLK_REF_SELECTED", on_read=lambda: 1 << (self["CLK_REF_CTRL"] & 3))
        self.register(0x3C, "CLK_SYS_CTRL", mask=0xE1, on_read=lambda: self["CLK_SYS_CTRL"], on_write=self._write_sys)
        self.register(0x44, "CLK_SYS_SELECTED", on_read=lambda: 1 << (self["CLK_SYS_CTRL"] & 1))
        self.register(0x48, "CLK_PERI_CTRL", mask=0xCE0)

    def reset(self) -> None:
        """From the ring oscillator."""
        super().reset()
        self.machine.clock_hz = ROSC_HZ

    @property
    def ref_hz(self) -> int:
        """clk_ref."""
        return XOSC_HZ if self["CLK_REF_CTRL"] & 3 == 2 else ROSC_HZ

    @property
    def peri_hz(self) -> int:
        """clk_peri."""
        if self["CLK_PERI_CTRL"] != 1 << 11:
            raise self.error("clk_peri is off or not from clk_sys")
        return self.machine.clock_hz

    def _write_ref(self, value: int) -> None:
        if value & 3 not in (0, 2) or (value & 3 == 2 and not self._xosc.stable):
            raise self.error(f"CLK_REF_CTRL: {value:#x} is no clock that runs")
        self.store("CLK_REF_CTRL", value)
        self._changed()

    def _write_sys(self, value: int) -> None:
        if value & 1 and value >> 5:
            raise self.error(f"CLK_SYS_CTRL: {value:#x} is not modelled")
        if self["CLK_SYS_CTRL"] & 1 and (value ^ self["CLK_SYS_CTRL"]) >> 5:
            raise self.error("the auxiliary source is changed while it is in use")
        self.store("CLK_SYS_CTRL", value)
        self._changed()

    def _changed(self) -> None:
        hz = self._pll.hz if self["CLK_SYS_CTRL"] & 1 else self.ref_hz
        if hz > 133_000_000:
            raise self.error(f"clk_sys would be {hz} Hz; 133 MHz is the most")
        self.machine.clock_hz = hz
        self._on_change(hz)


class Psm(Aliased):
    """Who is reset by the watchdog."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine, "PSM", 0x40010000)
        self.register(0x08, "WDSEL", mask=0x1FFFF)


class Watchdog(Aliased):
    """The watchdog, and the tick that it and the timer count."""

    def __init__(self, machine: Machine, clocks: Clocks, psm: Psm) -> None:
        super().__init__(machine, "WATCHDOG", 0x40058000)
        self._clocks, self._psm = clocks, psm
        self._event: Event | None = None
        self.register(0x00, "CTRL", reset=7 << 24, mask=0x47000000, on_read=self._read_ctrl, on_write=self._write_ctrl)
        self.register(0x04, "LOAD", mask=0xFFFFFF, on_write=self._write_load)
        self.register(0x2C, "TICK", reset=_TICK_ENABLE, mask=0x3FF)
        self.reset()

    def reset(self) -> None:
        """Off."""
        super().reset()
        self._load = 0
        if self._event:
            self._event.cancel()
        self._event = None

    @property
    def running(self) -> bool:
        """Whether it counts."""
        return self._event is not None

    @property
    def tick_hz(self) -> float:
        """Of the tick; 0 if it is off."""
        tick = self["TICK"]
        return self._clocks.ref_hz / (tick & 0x1FF) if tick & _TICK_ENABLE and tick & 0x1FF else 0

    def _read_ctrl(self) -> int:
        return self["CTRL"]

    def _write_ctrl(self, value: int) -> None:
        if value & _WATCHDOG_ENABLE and not self["CTRL"] & _WATCHDOG_ENABLE:
            if self._psm["WDSEL"] != 0x1FFFC:
                raise self.error(f"it would reset only {self._psm['WDSEL']:#x}")
            self._start()
        self.store("CTRL", value)

    def _write_load(self, value: int) -> None:
        self._load = value
        if self._event:
            self._start()

    def _start(self) -> None:
        if not self.tick_hz or not self._load:
            raise self.error("it is started without a tick or without a time")
        if self._event:
            self._event.cancel()
        seconds = self._load / 2 / self.tick_hz  # erratum RP2040-E1: it counts down by two
        self._event = self.machine.after(round(seconds * self.machine.clock_hz), lambda: self.machine.reset("watchdog"))


class Timer(Resettable):
    """Counts the tick from when it is let out of reset; here, from the start."""

    def __init__(self, machine: Machine, resets: Resets, watchdog: Watchdog) -> None:
        super().__init__(machine, "TIMER", 0x40054000, resets, TIMER)
        self._watchdog = watchdog
        self.register(0x28, "TIMERAWL", on_read=self._count)

    def _count(self) -> int:
        if not self._watchdog.tick_hz:
            raise self.error("it is read while it does not count")
        return round(self.machine.now * self._watchdog.tick_hz) // self.machine.clock_hz
