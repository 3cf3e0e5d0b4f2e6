"""The boards that kws builds for, and how their images get there. The C is in ``firmware/boards``.

A new board is a folder there and an entry of :data:`BOARDS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from kws.errors import UsageError, no_such

__all__ = [
    "APPS",
    "BOARDS",
    "EMULATED",
    "Board",
    "Emulator",
    "Power",
    "Probe",
    "Uf2",
    "find",
    "find_emulated",
    "require_slot",
]

APPS = ("spotter", "link", "selftest")
"""The product, the other end of ``kws verify --engines serial:PORT``, and the test by exported vectors."""


@dataclass(frozen=True)
class Emulator:
    """How QEMU emulates a board.

    Attributes:
        machine: QEMU's name of it.
        mhz: the emulated clock.
    """

    machine: str
    mhz: float


@dataclass(frozen=True)
class Probe:
    """How a debug probe flashes a board.

    Attributes:
        target: what pyOCD calls the microcontroller.
        pack: the CMSIS pack part that pyOCD needs for it, if it does not know it by itself.
    """

    target: str
    pack: str | None = None


@dataclass(frozen=True)
class Uf2:
    """How a boot loader's drive flashes a board.

    Attributes:
        board_id: the Board-ID in the drive's INFO_UF2.TXT.
        family: the microcontroller's id, https://github.com/microsoft/uf2/blob/master/utils/uf2families.json;
            a boot loader ignores blocks of other families.
        origin: the address of the image's first byte, where the linker script's FLASH begins.
    """

    board_id: str
    family: int
    origin: int


@dataclass(frozen=True)
class Power:
    """What an estimate of a board's current starts from: assumptions, nothing measured on a board.

    The currents are what the makers' documents have as typical for about this use, rounded, of the microcontroller
    alone, at room temperature.

    Attributes:
        mhz: the core's clock as the firmware sets it.
        cycles: of an instruction, on average, wait states of the flash included.
        running_ma: while the core runs.
        waiting_ma: while it waits for an interrupt, with clocks and microphone interface running.
        microphone: instructions a second that samples take before they are heard: the decimator, where no
            hardware does its work, and interrupts. Counted in the simulator, beside those of the program.
    """

    mhz: float
    cycles: float
    running_ma: float
    waiting_ma: float
    microphone: float

    def busy(self, instructions: float) -> float:
        """The share of the time that the core runs, at so many instructions a second beside the microphone's."""
        return (instructions + self.microphone) * self.cycles / (1e6 * self.mhz)

    def milliamperes(self, instructions: float) -> float:
        """The mean current then; where they are too many, that of a core that runs."""
        return self.waiting_ma + min(self.busy(instructions), 1.0) * (self.running_ma - self.waiting_ma)


@dataclass(frozen=True)
class Board:
    """A folder of ``firmware/boards``.

    Attributes:
        name: the folder.
        what: it is, in a few words.
        core: the CPU.
        variants: the boards with this microcontroller, the default first; empty if there is but one.
        bauds: what the UART can be built for, the default first; empty if there is no choice.
        model_slot: whether there is room for a model apart from the program.
        emulator: if QEMU emulates it.
        probe: if a debug probe flashes it.
        uf2: if it has a boot loader that shows up as a drive.
        hint: what else may help where no board is found.
        power: what an estimate of its current starts from, if it is a real board.
    """

    name: str
    what: str
    core: str
    variants: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    bauds: tuple[int, ...] = ()
    model_slot: bool = True
    emulator: Emulator | None = None
    probe: Probe | None = None
    uf2: Uf2 | None = None
    hint: str = ""
    power: Power | None = None

    def settings(self, variant: str | None = None, baud: int | None = None) -> dict[str, str]:
        """What the board's ``board.mk`` is told: variant and baud rate, chosen or by default, where there is a choice.

        Raises:
            UsageError: the board has no such variant or baud rate.
        """
        settings = {}
        for name, what, chosen, known in (
            ("BOARD_VARIANT", "variant", variant, [*self.variants]),
            ("BAUD", "baud rate", baud, [*self.bauds]),
        ):
            if chosen is not None and chosen not in known:
                there = f"it must be one of {', '.join(map(str, known))}" if known else "there is nothing to choose"
                raise UsageError(f"{self.name} has no {what} {chosen}; {there}")
            if known:
                settings[name] = str(chosen if chosen is not None else known[0])
        return settings


BOARDS = {
    board.name: board
    for board in (
        Board(
            "nrf52840",
            "Nordic nRF52840",
            "Cortex-M4",
            variants=MappingProxyType(
                {
                    "nano33ble": "Arduino Nano 33 BLE Sense, behind its boot loader",
                    "dk": "nRF52840 DK with a PDM microphone on P0.30 and P0.31",
                }
            ),
            bauds=(115200, 1000000),
            probe=Probe("nrf52840"),
            hint="without a probe the Arduino's boot loader takes the .bin: docs/boards/nrf52840.md",
            power=Power(mhz=64, cycles=1.5, running_ma=3.3, waiting_ma=1.0, microphone=0.08e6),
        ),
        Board(
            "rp2040",
            "Raspberry Pi Pico with a PDM microphone",
            "Cortex-M0+",
            bauds=(115200, 1000000),
            model_slot=False,
            probe=Probe("rp2040"),
            uf2=Uf2("RPI-RP2", family=0xE48BFF56, origin=0x10000000),
            hint="hold BOOTSEL while plugging the Pico in, and it shows up as a drive",
            power=Power(mhz=125, cycles=1.6, running_ma=25, waiting_ma=15, microphone=11.1e6),
        ),
        Board(
            "stm32f407",
            "STM32F4 Discovery",
            "Cortex-M4",
            bauds=(115200, 1000000),
            probe=Probe("stm32f407vgtx", pack="stm32f407vg"),
            power=Power(mhz=168, cycles=1.6, running_ma=46, waiting_ma=16, microphone=5.0e6),
        ),
        Board(
            "microbit",
            "a Cortex-M0 with 16 KB of RAM in QEMU",
            "Cortex-M0",
            model_slot=False,
            emulator=Emulator("microbit", 16.0),
        ),
        Board("mps2_an385", "a Cortex-M3 in QEMU", "Cortex-M3", emulator=Emulator("mps2-an385", 25.0)),
        Board("mps2_an386", "a Cortex-M4 in QEMU", "Cortex-M4", emulator=Emulator("mps2-an386", 25.0)),
        Board("mps2_an500", "a Cortex-M7 in QEMU", "Cortex-M7", emulator=Emulator("mps2-an500", 25.0)),
        Board(
            "mps3_an547",
            "a Cortex-M55 in QEMU",
            "Cortex-M55",
            model_slot=False,
            emulator=Emulator("mps3-an547", 32.0),
        ),
    )
}
"""Every board by name."""

EMULATED = {name: board.emulator for name, board in BOARDS.items() if board.emulator is not None}
"""How the boards that QEMU emulates are emulated, by the board's name."""


def find(name: str) -> Board:
    """The board of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in BOARDS:
        raise no_such("there is no board", name, BOARDS)
    return BOARDS[name]


def find_emulated(name: str) -> tuple[Board, Emulator]:
    """The board of that name, and how QEMU emulates it.

    Raises:
        UsageError: there is no such board, or QEMU does not emulate it.
    """
    if name not in EMULATED:
        raise no_such("qemu-system-arm emulates no board", name, EMULATED)
    return BOARDS[name], EMULATED[name]


def require_slot(board: Board) -> None:
    """Raise UsageError if a board has no model slot."""
    if not board.model_slot:
        others = ", ".join(b.name for b in BOARDS.values() if b.model_slot)
        raise UsageError(f"{board.name} has no model slot; build program and model together, or for one of {others}")
