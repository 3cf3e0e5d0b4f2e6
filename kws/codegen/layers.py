"""The network's layers as C constants, and the memory they need."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kws import emit
from kws.codegen.memory import NetworkMemory, plan_memory
from kws.fixedpoint.network import Network
from kws.layers import kind_of
from kws.layers.kind import Arch, Constants, Kind


@dataclass(frozen=True)
class NetworkSource:
    """A network on its way to C: every layer is written once, and the memory planned once."""

    network: Network

    @cached_property
    def kinds(self) -> tuple[Kind, ...]:
        """Each layer's kind."""
        return tuple(kind_of(layer.kernel) for layer in self.network.layers)

    def _name(self, index: int) -> str:
        return f"{self.kinds[index].name}_{index}"

    @cached_property
    def constants(self) -> tuple[Constants, ...]:
        """Each layer's parameters."""
        made = []
        for index, (kind, layer) in enumerate(zip(self.kinds, self.network.layers, strict=True)):
            assert kind.emit is not None, "a kind that makes layers can write them"
            made.append(kind.emit(self._name(index), layer))
        return tuple(made)

    @cached_property
    def memory(self) -> NetworkMemory:
        """Where everything lies."""
        return plan_memory(self.network, [c.scratch for c in self.constants])

    @property
    def network_bytes(self) -> int:
        """RAM of the network where it is greatest."""
        return max(self.memory.sizes.values())

    @property
    def used_kinds(self) -> list[Kind]:
        """The kinds of the layers, each once, in the order of their first layers."""
        return list({kind.name: kind for kind in self.kinds}.values())

    def headers(self) -> str:
        """What declares the structures of the layers."""
        return "\n".join(f'#include "kws/layers/{name}.h"' for name in sorted(kind.name for kind in self.used_kinds))

    def size_macros(self) -> list[str]:
        """``KWS_MODEL_NETWORK_BYTES``, by ``KWS_ARCH`` where that makes a difference."""
        name, sizes = "#define KWS_MODEL_NETWORK_BYTES", self.memory.sizes
        lines = [f"{name} {sizes[Arch.PORTABLE]}u"]
        other = [arch for arch in Arch if sizes[arch] != sizes[Arch.PORTABLE]]
        if not other:
            return lines
        for arch in reversed(other):
            lines = [f"#if KWS_ARCH == {arch}", f"{name} {sizes[arch]}u", "#else", *lines, "#endif"]
        return lines

    def text(self) -> str:
        """All constants, ending in ``kws_model_network``."""
        parts = [text for constants in self.constants for text in constants.text]
        if any(self.network.states):
            parts.append(self._states())
        parts += [self._inputs(index) for index in range(len(self.network.layers))]
        parts.append(self._layers())
        fields: dict[str, str | int] = {
            "arch": "KWS_ARCH",
            "layers": "layers",
            "states": "states" if any(self.network.states) else "NULL",
            "layer_count": "KWS_MODEL_LAYERS",
            "state_count": sum(len(states) for states in self.network.states),
            "input_size": "KWS_MODEL_INPUT_SIZE",
            "output_size": "KWS_MODEL_OUTPUT_SIZE",
        }
        parts.append(emit.structure("kws_network", "kws_model_network", fields, static=False))
        return "\n\n".join(parts)

    def _states(self) -> str:
        rows = [
            f"{emit.INDENT}{{{state.reset}, {offset}, {state.size}, {np.dtype(state.dtype).itemsize}}},"
            f" /* {state.name} of {self._name(index)} */\n"
            for index, states in enumerate(self.network.states)
            for state, offset in zip(states, self.memory.states[index], strict=True)
        ]
        return f"static const kws_state states[{len(rows)}] = {{\n{''.join(rows)}}};"

    def _inputs(self, index: int) -> str:
        layer = self.network.layers[index]
        offsets = [str(self.memory.tensors.get(tensor, "KWS_NETWORK_INPUT")) for tensor in layer.inputs]
        return f"static const uint16_t {self._name(index)}_inputs[{len(offsets)}] = {{{', '.join(offsets)}}};"

    def _layers(self) -> str:
        rows = []
        first = 0
        for index, layer in enumerate(self.network.layers):
            name, count = self._name(index), len(self.network.states[index])
            states = f"states + {first}" if count else "NULL"
            first += count
            output, scratch = self.memory.tensors[layer.output], self.memory.scratch[index]
            numbers = f"{output}, {layer.output_size}, {scratch}, {count}, KWS_{self.kinds[index].name.upper()}"
            rows.append(f"{emit.INDENT}{{&{name}, {name}_inputs, {states}, {numbers}}},\n")
        return f"static const kws_layer layers[KWS_MODEL_LAYERS] = {{\n{''.join(rows)}}};"

    def run_source(self) -> str:
        """The function that runs a layer."""
        cases = "".join(
            f"    case KWS_{kind.name.upper()}:\n        kws_{kind.name}_run(layer, memory, input);\n        break;\n"
            for kind in self.used_kinds
        )
        return (
            "/* Of the kinds that this model has; the linker leaves out the code of all others. */\n"
            "void kws_layer_run(const kws_layer *layer, uint8_t *memory, const int8_t *input)\n{\n"
            f"    switch (layer->kind) {{\n{cases}    default:\n        break;\n    }}\n}}"
        )
