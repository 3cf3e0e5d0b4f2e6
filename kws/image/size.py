"""How much flash, RAM and stack an image takes, read off the linked ELF file.

The stack bound comes from the linked code's own call graph: calls are read from the disassembly,
because the compiler's graph leaves out the helpers of libgcc and libc, and frame sizes from the
compiler's ``.su`` files, or from the pushes in the disassembly where there is none.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from kws.errors import KwsError
from kws.tools import run_tool

EXCEPTION_FRAME_BYTES = 36
"""What an Armv7-M CPU without FPU state pushes for an interrupt: 8 words and up to 4 to align."""

_STACK_SECTION = ".stack"
_PARTS = (
    "library",
    "library tables",
    "model weights",
    "model tables",
    "model structures",
    "test vectors",
    "board",
    "app",
    "toolchain",
)
_TABLE_PREFIX = "frontend_"


@dataclass(frozen=True)
class SizePart:
    """The share of one part of the image, in bytes."""

    name: str
    flash: int
    ram: int


@dataclass(frozen=True)
class SizeReport:
    """What an image takes.

    Attributes:
        flash: bytes of flash: code, constants and initial values of variables.
        ram: bytes of variables, without the stack.
        stack_reserve: bytes that the linker script keeps for the stack.
        stack: greatest depth of the stack from reset, in bytes; a true bound only if ``unbounded``
            is empty. An interrupt, where a board enables one, adds :data:`EXCEPTION_FRAME_BYTES`
            and its handler's own depth.
        stack_path: functions on the deepest path with their frames in bytes, outermost first.
        library_stack: greatest depth of the library's own part: below a call of a function of
            kws.h.
        unbounded: why ``stack`` is no bound: calls through pointers, recursion, frames of
            variable size; one sentence each.
        parts: flash and RAM by part; what remains to the totals is padding.
    """

    flash: int
    ram: int
    stack_reserve: int
    stack: int
    stack_path: tuple[tuple[str, int], ...]
    library_stack: int
    unbounded: tuple[str, ...]
    parts: tuple[SizePart, ...]


@dataclass
class _Function:
    name: str
    calls: set[int] = field(default_factory=set)
    indirect: bool = False
    pushed: int = 0
    frame: int = 0


def size_report(elf: Path) -> SizeReport:
    """Measure an image that :func:`kws.image.make.make_image` made.

    Args:
        elf: the image, where it was linked: beside it lie the linker's ``.map``, and the folder of its
            objects and ``.su`` files, which has its name without the suffix.

    Raises:
        KwsError: a file or program is missing.
    """
    if not elf.is_file():
        raise KwsError(f"there is no {elf}; build it first with `make -C firmware` (firmware/Makefile says how)")
    sections = _sections(elf)
    flash = sum(size for name, size in sections.items() if name in (".text", ".rodata", ".data"))
    ram = sum(size for name, size in sections.items() if name in (".data", ".bss"))
    functions = _functions(elf)
    frames, dynamic = _frames(elf.with_suffix(""))
    for function in functions.values():
        # A clone's name has the compiler's suffix after the first dot.
        base = function.name.partition(".")[0]
        # Of a function in assembler the compiler knows nothing and says 0.
        function.frame = frames.get(function.name, frames.get(base, 0)) or function.pushed
    entry = next((address for address, f in functions.items() if f.name == "board_reset"), None)
    if entry is None:
        raise KwsError(f"{elf} has no function board_reset, where the stack's depth is counted from")
    depths = _Depths(functions)
    stack = depths.below(entry)
    reached = depths.reached(entry)
    unbounded = [f"{functions[a].name} calls through a pointer" for a in sorted(reached) if functions[a].indirect]
    unbounded += [f"{name} is recursive" for name in sorted(depths.recursive)]
    unbounded += [f"{n} has a frame of variable size" for n in sorted(dynamic & {functions[a].name for a in reached})]
    interface = ("kws_spotter_init", "kws_spotter_reset", "kws_spotter_process", "kws_network_reset", "kws_network_run")
    library = [depths.below(address) for address, f in functions.items() if f.name in interface]
    return SizeReport(
        flash=flash,
        ram=ram,
        stack_reserve=sections.get(_STACK_SECTION, 0),
        stack=stack,
        stack_path=tuple((functions[a].name, functions[a].frame) for a in depths.path(entry)),
        library_stack=max(library, default=0),
        unbounded=tuple(unbounded),
        parts=_parts(elf.with_suffix(".map")),
    )


def _sections(elf: Path) -> dict[str, int]:
    rows = re.findall(r"^(\.\S+)\s+(\d+)\s+\d+$", run_tool("arm-none-eabi-size", "-A", elf), re.MULTILINE)
    return {name: int(size) for name, size in rows}


_HEAD = re.compile(r"^([0-9a-f]{8}) <([^>]+)>:$")
_INSTRUCTION = re.compile(r"^ *[0-9a-f]+:\t([a-z0-9.]+)(?:\t([^@;<]*)(?:<([^>]+)>)?)?")
_BRANCH = re.compile(r"^(bl|b|cbn?z)(x?)([a-z]{2})?(\.[nw])?$")


def _functions(elf: Path) -> dict[int, _Function]:
    """Every function of the image by address, with the functions it calls or jumps to."""
    functions: dict[int, _Function] = {}
    targets: dict[int, set[int]] = defaultdict(set)
    current = 0
    for line in run_tool("arm-none-eabi-objdump", "-d", "--no-show-raw-insn", elf).splitlines():
        if head := _HEAD.match(line):
            current = int(head[1], 16)
            functions[current] = _Function(head[2])
        elif (instruction := _INSTRUCTION.match(line)) and current in functions:
            operation, operands = instruction[1], (instruction[2] or "").strip()
            function = functions[current]
            function.pushed += _pushed(operation, operands)
            if not _BRANCH.match(operation):
                function.indirect |= _leaves_by_pointer(operation, operands)
            elif re.fullmatch(r"lr|r\d+|ip|sl|fp", operands):
                function.indirect |= operands != "lr" or operation.startswith("blx")
            elif target := re.search(r"([0-9a-f]+)$", operands):
                targets[current].add(int(target[1], 16))
    for caller, called in targets.items():
        # Jumps inside a function end at addresses where no function starts; a call of itself
        # ends at its own start.
        functions[caller].calls = {address for address in called if address in functions}
    return functions


def _leaves_by_pointer(operation: str, operands: str) -> bool:
    """Whether a load or move into pc may leave the function.

    A return pops pc, alone by loading it from the stack. `tbb`, `tbh` and a load indexed by words
    are the compiler's switch tables, which stay inside.
    """
    return bool(re.match(r"(ldr|mov)", operation) and re.match(r"pc\b", operands)) and not re.search(
        r"lsl #2\]|\[sp\], #4$", operands
    )


def _pushed(operation: str, operands: str) -> int:
    """Bytes by which an instruction lowers the stack pointer."""
    if operation.startswith("push"):
        return 4 * _register_count(operands)
    if operation.startswith("stmdb") and operands.startswith("sp!"):
        return 4 * _register_count(operands)
    if operation.startswith("sub") and (amount := re.match(r"sp, (?:sp, )?#(\d+)", operands)):
        return int(amount[1])
    if operation.startswith("str") and (amount := re.search(r"\[sp, #-(\d+)\]!", operands)):
        return int(amount[1])
    return 0


def _register_count(operands: str) -> int:
    inside = re.search(r"\{([^}]*)\}", operands)
    count = 0
    for part in (inside[1] if inside else "").split(","):
        first, _, last = part.strip().partition("-")
        count += int(last[1:]) - int(first[1:]) + 1 if last else 1
    return count


def _frames(objects: Path) -> tuple[dict[str, int], set[str]]:
    """Frame sizes by function name, the largest of a name, and the names whose size varies."""
    frames: dict[str, int] = {}
    dynamic = set()
    for file in sorted(objects.rglob("*.su")):
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            place, size, kind = line.split("\t")
            name = place.rsplit(":", 1)[-1]
            frames[name] = max(int(size), frames.get(name, 0))
            if "dynamic" in kind and "bounded" not in kind:
                dynamic.add(name)
    if not frames:
        raise KwsError(f"{objects} has no .su files; give the image where it was linked")
    return frames, dynamic


class _Depths:
    """Depth of the stack below each function, recursion noticed and counted once."""

    def __init__(self, functions: dict[int, _Function]) -> None:
        self._functions = functions
        self._depth: dict[int, int] = {}
        self._deepest: dict[int, int | None] = {}
        self._open: list[int] = []
        self.recursive: set[str] = set()

    def below(self, address: int) -> int:
        """The function's own frame and the deepest chain of calls from it."""
        if address in self._depth:
            return self._depth[address]
        if address in self._open:
            cycle = self._open[self._open.index(address) :]
            self.recursive |= {self._functions[a].name for a in cycle}
            return 0
        self._open.append(address)
        function = self._functions[address]
        deepest, best = 0, None
        for called in sorted(function.calls):
            depth = self.below(called)
            if depth > deepest:
                deepest, best = depth, called
        self._open.pop()
        self._depth[address] = function.frame + deepest
        self._deepest[address] = best
        return self._depth[address]

    def path(self, address: int | None) -> list[int]:
        """The deepest chain of calls, outermost first."""
        chain: list[int] = []
        while address is not None and address not in chain:
            chain.append(address)
            address = self._deepest.get(address)
        return chain

    def reached(self, address: int) -> set[int]:
        """Every function that can run from here, as far as direct calls tell."""
        seen: set[int] = set()
        waiting = [address]
        while waiting:
            at = waiting.pop()
            if at not in seen:
                seen.add(at)
                waiting += self._functions[at].calls
        return seen


def _parts(map_file: Path) -> tuple[SizePart, ...]:
    """Flash and RAM by origin of each input section that the linker kept."""
    try:
        text = map_file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise KwsError(f"cannot read the link map {map_file}: {error.strerror}") from error
    flash: dict[str, int] = defaultdict(int)
    ram: dict[str, int] = defaultdict(int)
    kept = text[text.index("Linker script and memory map") :]
    pattern = r"^ (\.?[A-Z.]\S*)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S+)$"
    rows = [(s, int(at, 16), int(n, 16), f) for s, at, n, f in re.findall(pattern, kept, re.M | re.I)]
    # Of strings that another section holds already, the map still tells a size.
    ends = [at for _, at, _, _ in rows[1:]] + [2**32]
    for (section, at, told, file), end in zip(rows, ends, strict=True):
        size = min(told, end - at) if end >= at else told
        part = _part_of(section, file)
        if section.startswith((".vectors", ".text", ".rodata", ".data")):
            flash[part] += size
        if section.startswith((".data", ".bss", "COMMON")):
            ram[part] += size
    return tuple(SizePart(name, flash[name], ram[name]) for name in _PARTS if flash[name] or ram[name])


def _part_of(section: str, file: str) -> str:
    # The library's objects may lie in folders of their own.
    above = [parent.name for parent in Path(file).parents]
    folder = "library" if "library" in above[:2] else above[0]
    if folder != "model":
        if folder == "library" and section.startswith(".rodata"):
            return "library tables"
        return folder if folder in ("library", "board", "app") else "toolchain"
    name = section.removeprefix(".rodata.").removeprefix(".data.")
    if "kws_vectors" in name:
        return "test vectors"
    if name.startswith(_TABLE_PREFIX):
        return "model tables"
    return "model weights" if name.endswith(("_weights", "_bias")) else "model structures"
