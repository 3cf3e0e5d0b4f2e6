"""The boards that kws builds for, and how their images get there. The C is in ``firmware/boards``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from kws.errors import KwsError

__all__ = ["APPS", "BOARDS", "Board", "find"]

APPS = ("spotter", "link", "selftest")
"""The product, the other end of ``kws verify --engines serial:PORT``, and the test by exported vectors."""


@dataclass(frozen=True)
class Board:
    """A folder of ``firmware/boards``.

    Attributes:
        name: the folder.
        what: it is, in a few words.
        variants: the boards with this microcontroller, the default first; empty if there is but one.
        bauds: what the UART can be built for, the default first; empty if there is no choice.
        probe_target: what pyOCD calls the microcontroller; None if no debug probe can flash it.
        probe_pack: the CMSIS pack part that pyOCD needs for it, if it does not know it by itself.
        model_slot: whether there is room for a model apart from the program.
        uf2_id: the Board-ID in INFO_UF2.TXT of its mass-storage boot loader, if it has one.
        hint: what else may help where no board is found.
    """

    name: str
    what: str
    variants: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    bauds: tuple[int, ...] = ()
    probe_target: str | None = None
    probe_pack: str | None = None
    model_slot: bool = True
    uf2_id: str | None = None
    hint: str = ""


BOARDS = {
    board.name: board
    for board in (
        Board(
            "nrf52840",
            "Nordic nRF52840",
            variants=MappingProxyType(
                {
                    "nano33ble": "Arduino Nano 33 BLE Sense, behind its boot loader",
                    "dk": "nRF52840 DK with a PDM microphone on P0.30 and P0.31",
                }
            ),
            bauds=(115200, 1000000),
            probe_target="nrf52840",
            hint="without a probe the Arduino's boot loader takes the .bin: docs/boards/nrf52840.md",
        ),
        Board(
            "rp2040",
            "Raspberry Pi Pico with a PDM microphone",
            bauds=(115200, 1000000),
            probe_target="rp2040",
            model_slot=False,
            uf2_id="RPI-RP2",
            hint="hold BOOTSEL while plugging the Pico in, and it shows up as a drive",
        ),
        Board(
            "stm32f407",
            "STM32F4 Discovery",
            bauds=(115200, 1000000),
            probe_target="stm32f407vgtx",
            probe_pack="stm32f407vg",
        ),
        Board("microbit", "a Cortex-M0 with 16 KB of RAM in QEMU", model_slot=False),
        Board("mps2_an385", "a Cortex-M3 in QEMU"),
        Board("mps2_an386", "a Cortex-M4 in QEMU"),
        Board("mps2_an500", "a Cortex-M7 in QEMU"),
        Board("mps3_an547", "a Cortex-M55 in QEMU", model_slot=False),
    )
}


def find(name: str) -> Board:
    """The board of that name.

    Raises:
        KwsError: there is none.
    """
    if name not in BOARDS:
        raise KwsError(f"there is no board {name!r}; it must be one of {', '.join(BOARDS)}")
    return BOARDS[name]
