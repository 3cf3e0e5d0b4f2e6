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


_Places = list[tuple[_Block, int]]
"""Blocks and where they lie."""


def _lowest(block: _Block, placed: _Places) -> int:
    """The lowest place for a block where nothing lies that is in use at the same time."""
    others = [(at, at + b.size) for b, at in placed if b.first <= block.last and block.first <= b.last]
    at = 0
    for start, end in sorted(others):
        if at + block.size <= start:
            break
        at = max(at, end)
    return at


def _size(placed: _Places) -> int:
    return max((at + block.size for block, at in placed), default=0)


def _largest_first(blocks: Sequence[_Block]) -> _Places:
    """Each block at its lowest place, the largest first, of equal ones the earlier."""
    placed: _Places = []
    for block in sorted(blocks, key=lambda b: (-b.size, b.first)):
        placed.append((block, _lowest(block, placed)))
    return placed


def _in_turn(blocks: Sequence[_Block]) -> _Places:
    """Buffers that blocks have in turn, in order of their layers; a buffer is as large as its largest block."""
    buffers: list[list[_Block]] = []
    for block in sorted(blocks, key=lambda b: b.first):
        free = next((buffer for buffer in buffers if buffer[-1].last < block.first), None)
        if free is None:
            buffers.append([block])
        else:
            free.append(block)
    placed: _Places = []
    at = 0
    for buffer in buffers:
        placed += [(block, at) for block in buffer]
        at += max(block.size for block in buffer)
    return placed


def plan_memory(network: Network, scratch: Sequence[Mapping[Arch, int]]) -> NetworkMemory:
    """Lay out states first, then tensors where no other lives at the same time, then scratch likewise.

    A tensor lives from the layer that writes it to the last one that reads it; the output lives until
    the next call, when the layers write anew. Of two plans for the tensors the smaller is taken. What feeds
    back lies where its state lies.

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
    blocks = _tensors(network)
    plans = [make(blocks) for make in (_largest_first, _in_turn)]
    placed = min(plans, key=_size)
    tensors = {network.layers[block.first].output: offset + at for block, at in placed}
    for layer, own in zip(network.layers, states, strict=True):
        if layer.kernel.feeds_back:
            tensors[layer.output] = own[0]
    sizes = dict.fromkeys(Arch, offset + _size(placed))
    places = []
    for index, needs in enumerate(scratch):
        most = align4(max(needs.values(), default=0))
        # The scratch of two layers is never in use at the same time, so that each is placed alone.
        at = offset + _lowest(_Block(most, index, index), placed) if most else 0
        places.append(at)
        for arch, size in needs.items():
            sizes[arch] = max(sizes[arch], at + align4(size))
    return NetworkMemory(tuple(states), tensors, tuple(places), sizes)


def _tensors(network: Network) -> list[_Block]:
    last = {tensor: index for index, layer in enumerate(network.layers) for tensor in layer.inputs}
    return [
        _Block(align4(layer.output_size), index, last.get(layer.output, index))
        for index, layer in enumerate(network.layers)
        if not layer.kernel.feeds_back
    ]
