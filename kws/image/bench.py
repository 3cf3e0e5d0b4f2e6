"""What a model costs on each emulated core: instructions per hop, flash, RAM and stack.

The ``benchmark`` app runs the exported test vectors on the emulated board and times the front end,
the network and the whole with the board's clock, which under QEMU's ``-icount`` advances by a fixed
time an instruction. How many instructions a tick is, the app measures on a loop of known length.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.boards import find_emulated
from kws.boards.emulator import QEMU, run_image
from kws.config import SAMPLE_RATE
from kws.errors import KwsError
from kws.files import parse_json
from kws.image.build import compiled
from kws.model.file import Model
from kws.tools import require_tools


@dataclass(frozen=True)
class Cost:
    """The cost of one model on one core; instructions are means over the test vectors.

    Attributes:
        model: the model's name.
        board: a folder of ``firmware/boards``.
        core: the CPU.
        frontend: instructions per hop of the front end; None for a bare network.
        network: instructions of one call of the network.
        rest: instructions per hop of all else: buffering samples, the detector; None for a bare network.
        macs: multiply-accumulates of one call of the network.
        library: bytes of flash for the library's code.
        program: bytes of flash for all other code: start-up, board, application, compiler's support.
        tables: bytes of flash for constants other than weights.
        weights: bytes of flash for weights and biases.
        ram: bytes of variables, audio buffers included, without the stack.
        stack: greatest depth of the stack in bytes, without interrupts.
        library_stack: the library's part of it.
        asleep: instructions of a hop that the network sleeps through; None without a voice gate.
        duty: share of the time between two hops that the core is busy at the emulated board's clock,
            if an instruction took one cycle; None for a bare network.
    """

    model: str
    board: str
    core: str
    frontend: float | None
    network: float
    rest: float | None
    macs: int
    library: int
    program: int
    tables: int
    weights: int
    ram: int
    stack: int
    library_stack: int
    asleep: float | None
    duty: float | None

    @property
    def total(self) -> float:
        """Instructions of everything that a hop needs."""
        return self.network + (self.frontend or 0.0) + (self.rest or 0.0)

    @property
    def per_mac(self) -> float:
        """Instructions of the network by multiply-accumulate."""
        return self.network / self.macs


def instructions(report: str) -> dict[str, float]:
    """Instructions a frame by part, from what the ``benchmark`` app wrote.

    Raises:
        KwsError: it wrote something else.
    """
    frames = {"frontend": "frames", "network": "frames", "process": "frames", "asleep": "asleep_frames"}
    try:
        values = parse_json(report)
        a_tick = values["calibration_instructions"] / values["calibration"]
        return {part: values[part] * a_tick / values[count] for part, count in frames.items() if part in values}
    except (ValueError, KeyError, ZeroDivisionError, TypeError) as error:
        raise KwsError(f"the benchmark app wrote {report.strip()!r}, which is no result") from error


def measure(model: Model, name: str, board: str, build_dir: Path, mhz: float | None = None) -> Cost:
    """Build, run and measure one model on one emulated board.

    Args:
        model: what to measure.
        name: how to call it.
        board: one of :data:`kws.boards.EMULATED`.
        build_dir: where to export and build; may be shared by boards, not by models.
        mhz: clock for the duty cycle; the emulated board's own if not given.

    Raises:
        KwsError: no such board, a program is missing, the model does not fit the board, or the build
            or the run failed.
    """
    target, emulator = find_emulated(board)
    require_tools("make", "arm-none-eabi-gcc", QEMU)
    with compiled(model, target, "benchmark", folder=build_dir) as image:
        counts = instructions(run_image(image.elf, np.zeros(0, np.int16), board=board))
    network = counts["network"]
    frontend = counts.get("frontend")
    rest = None if frontend is None else counts["process"] - frontend - network
    # What a product needs; a bare network has no product, and its benchmark stands for it.
    app = "benchmark" if model.info is None else "spotter"
    with compiled(model, target, app, folder=build_dir) as image:
        size = image.size
    parts = {part.name: part.flash for part in size.parts}
    library = parts.get("library", 0)
    weights = parts.get("model weights", 0)
    tables = sum(parts.get(p, 0) for p in ("library tables", "model tables", "model structures"))
    vectors = parts.get("test vectors", 0)
    duty = None
    if model.info is not None and rest is not None and frontend is not None:
        hertz = 1e6 * (mhz or emulator.mhz)
        duty = (network + frontend + rest) / (hertz * model.info.frontend.hop / SAMPLE_RATE)
    return Cost(
        model=name,
        board=board,
        core=target.core,
        frontend=frontend,
        network=network,
        rest=rest,
        macs=model.network.macs,
        library=library,
        program=size.flash - library - weights - tables - vectors,
        tables=tables,
        weights=weights,
        ram=size.ram,
        stack=size.stack,
        library_stack=size.library_stack,
        asleep=counts.get("asleep"),
        duty=duty,
    )


__all__ = ["Cost", "instructions", "measure"]
