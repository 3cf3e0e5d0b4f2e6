"""Where a network's states, tensors and scratch lie in its memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kws.fixedpoint.network import Network
from kws.layers.kind import Arch


def align4(size: int) -> int:
    """``size`` rounded up to a multiple of 4."""
    return (size + 3) // 4 * 4


@dataclass(frozen=True)
class NetworkMemory:
    """Offsets and sizes in bytes; every offset is a multiple of 4.

    Attributes:
        states: offsets of each layer's states.
        tensors: offsets of the layers' outputs, by the tensors' numbers; the input lies with the caller.
        scratch: offset of what each layer needs while it runs; 0 if that is nothing.
        sizes: bytes in all by :class:`Arch`.
    """

    states: tuple[tuple[int, ...], ...]
    tensors: dict[int, int]
    scratch: tuple[int, ...]
    sizes: dict[Arch, int]


@dataclass(frozen=True)
class _Block:
    """Bytes that are in use from one layer to another, both included."""

    size: int
    first: int
    last: int


@dataclass
class _Plan:
    """Blocks that have a place already."""

    placed: list[tuple[_Block, int]]

    def place(self, block: _Block) -> int:
        """Put a block where nothing lies that is in use at the same time, as low as it goes."""
        others = [(at, at + b.size) for b, at in self.placed if b.first <= block.last and block.first <= b.last]
        at = 0
        for start, end in sorted(others):
            if at + block.size <= start:
                break
            at = max(at, end)
        self.placed.append((block, at))
        return at

    @property
    def size(self) -> int:
        return max((at + block.size for block, at in self.placed), default=0)


def plan_memory(network: Network, scratch: Sequence[Mapping[Arch, int]]) -> NetworkMemory:
    """Lay out states first, then tensors where no other lives at the same time, then scratch likewise.

    Tensors are placed greatest first. One lives from the layer that writes it to the last one that
    reads it; the output lives until the next call, when the layers write anew.

    Args:
        network: the network.
        scratch: bytes that each layer needs while it runs.
    """
    offset = 0
    states = []
    for declared in network.states:
        places = []
        for state in declared:
            places.append(offset)
            offset += align4(state.bytes)
        states.append(tuple(places))
    plan = _Plan([])
    tensors = {}
    for tensor, block in sorted(_tensors(network).items(), key=lambda item: (-item[1].size, item[1].first)):
        tensors[tensor] = offset + plan.place(block)
    sizes = dict.fromkeys(Arch, offset + plan.size)
    places = []
    for index, needs in enumerate(scratch):
        most = align4(max(needs.values(), default=0))
        # The scratch of two layers is never in use at the same time, so that each is placed alone.
        at = offset + _Plan(list(plan.placed)).place(_Block(most, index, index)) if most else 0
        places.append(at)
        for arch, size in needs.items():
            sizes[arch] = max(sizes[arch], at + align4(size))
    return NetworkMemory(tuple(states), tensors, tuple(places), sizes)


def _tensors(network: Network) -> dict[int, _Block]:
    last = {tensor: index for index, layer in enumerate(network.layers) for tensor in layer.inputs}
    return {
        layer.output: _Block(align4(layer.output_size), index, last.get(layer.output, index))
        for index, layer in enumerate(network.layers)
    }
