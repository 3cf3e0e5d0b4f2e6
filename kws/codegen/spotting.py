"""The front end, the decision and the labels of a model as C."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kws import emit
from kws.codegen.layers import NetworkSource
from kws.constants import Constants
from kws.model.file import ModelInfo
from kws.voice_gate import KIND as GATE


def identifier(label: str) -> str:
    """A label as part of a C identifier: upper case, other characters as underscores."""
    name = re.sub(r"[^A-Z0-9]+", "_", label.upper()).strip("_")
    return name or "LABEL"


def spotting_includes(info: ModelInfo) -> list[str]:
    """The lines of kws_model.h that include the kinds' own headers."""
    return [
        f'#include "kws/frontends/{info.frontend.kind}.h"',
        f'#include "kws/decisions/{info.decision.kind}.h"',
        *([f'#include "kws/{GATE}.h"'] if info.gate.on else []),
        "",
    ]


def spotting_macros(info: ModelInfo) -> list[str]:
    """The lines of kws_model.h that say what a spotter has and needs."""
    f = info.frontend
    parts = [f.constants(), info.decision.constants(info.labels)]
    front, decide = parts
    gate = info.gate.constants(f, info.labels) if info.gate.on else None
    parts += [gate] if gate else []
    return [
        f"#define KWS_MODEL_LABELS {len(info.labels)}u",
        f"#define KWS_MODEL_NAMES {len(info.names)}u /* labels and phrases */",
        f"#define KWS_MODEL_WINDOW {f.window}u /* samples */",
        f"#define KWS_MODEL_HOP {f.hop}u /* samples */",
        f"#define KWS_MODEL_BANDS {f.features}u",
        *(f"#define KWS_MODEL_{name} {value}u" for c in parts for name, value in c.macros.items()),
        f"#define KWS_MODEL_FULL_SCORE {info.decision.full_score}u /* the score of probability 1 */",
        "",
        "/* RAM of a spotter, in bytes and in kws_word. */",
        f"#define KWS_MODEL_PCM_SIZE {f.pcm_size}u /* samples */",
        f"#define KWS_MODEL_FRONTEND_BYTES {front.memory}",
        f"#define KWS_MODEL_DECISION_BYTES {decide.memory}",
        f"#define KWS_MODEL_GATE_BYTES {gate.memory if gate else '0u'}",
        "#define KWS_MODEL_SPOTTER_BYTES \\\n"
        "    KWS_SPOTTER_BYTES(KWS_MODEL_FRONTEND_BYTES, KWS_MODEL_NETWORK_BYTES, KWS_MODEL_PCM_SIZE, \\\n"
        "                      KWS_MODEL_DECISION_BYTES, KWS_MODEL_BANDS, KWS_MODEL_GATE_BYTES)",
        "#define KWS_MODEL_SPOTTER_WORDS KWS_WORDS(KWS_MODEL_SPOTTER_BYTES)",
        "",
        _label_enum(info),
    ]


def _label_enum(info: ModelInfo) -> str:
    names = [identifier(label) for label in info.names]
    # Two labels may differ only in characters that C does not allow.
    unique = [name if names.count(name) == 1 else f"{name}_{i}" for i, name in enumerate(names)]
    # A third may be called what that makes of them; no identifier of a label ends with an underscore by itself.
    unique = [f"{name}_" if name != names[i] and name in names else name for i, name in enumerate(unique)]
    return "enum {\n" + ",\n".join(f"    KWS_LABEL_{n} = {i}" for i, n in enumerate(unique)) + "\n};"


def spotting_source(info: ModelInfo) -> str:
    """The part of kws_model.c that makes a model of a network."""
    front, decide = info.frontend.kind, info.decision.kind
    names = "".join(f"{emit.INDENT}{emit.string(name)},\n" for name in info.names)
    parts = [
        *_structure(front, "frontend", info.frontend.constants()),
        emit.structure(
            "kws_frontend",
            "frontend",
            {
                "constants": f"&{front}",
                "memory_bytes": "KWS_MODEL_FRONTEND_BYTES",
                "window_size": "KWS_MODEL_WINDOW",
                "hop": "KWS_MODEL_HOP",
                "pcm_size": "KWS_MODEL_PCM_SIZE",
                "bands": "KWS_MODEL_BANDS",
                "kind": f"KWS_FRONTEND_{front.upper()}",
            },
        ),
        "static const char *const labels[KWS_MODEL_NAMES] = {\n" + names + "};",
        *_structure(decide, "decision", info.decision.constants(info.labels)),
        emit.structure(
            "kws_decision",
            "decision",
            {
                "constants": f"&{decide}",
                "memory_bytes": "KWS_MODEL_DECISION_BYTES",
                "full_score": "KWS_MODEL_FULL_SCORE",
                "kind": f"KWS_DECISION_{decide.upper()}",
            },
        ),
        *(_structure(GATE, "gate", info.gate.constants(info.frontend, info.labels)) if info.gate.on else ()),
        "\n".join(
            [
                _static_assert("features", "KWS_MODEL_BANDS == KWS_MODEL_INPUT_SIZE"),
                _static_assert("posteriors", "KWS_MODEL_LABELS == KWS_MODEL_OUTPUT_SIZE"),
            ]
        ),
        emit.structure(
            "kws_model",
            "kws_model_data",
            {
                "format": "KWS_MODEL_FORMAT",
                "arch": "KWS_ARCH",
                "frontend": "&frontend",
                "network": "&kws_model_network",
                "decision": "&decision",
                "labels": "labels",
                "label_count": "KWS_MODEL_NAMES",
                "network_bytes": "KWS_MODEL_NETWORK_BYTES",
                "gate": f"&{GATE}" if info.gate.on else "NULL",
                "gate_bytes": "KWS_MODEL_GATE_BYTES",
            },
            static=False,
        ),
    ]
    return "\n\n".join(parts)


_FUNCTIONS = (
    ("frontend", "reset", "const kws_frontend *f, void *memory"),
    ("frontend", "run", "const kws_frontend *f, void *memory, const int16_t *pcm, int8_t *features"),
    ("decision", "reset", "const kws_decision *d, void *memory"),
    ("decision", "step", "const kws_decision *d, void *memory, const int8_t *posteriors, kws_result *result"),
)


_GATE_FUNCTIONS = {
    "reset": ("void ", "const kws_model *m, void *memory"),
    "run": ("const int8_t *", "const kws_model *m, void *memory, void *network, const int8_t *features"),
}
_CALL_NETWORK = f"""\
{emit.INDENT}const int8_t *posteriors = NULL;
{emit.INDENT}(void)kws_network_run(m->network, network, features, &posteriors);
{emit.INDENT}return posteriors;
"""


def gate_function(what: str) -> str:
    """The head of the function of a gate: ``reset`` or ``run``."""
    result, parameters = _GATE_FUNCTIONS[what]
    return f"{result}kws_gate_{what}({parameters})"


def gate_bodies(gated: bool) -> dict[str, str]:
    """The bodies of a gate's functions, by what they do; without a gate every frame is a call of the network."""
    if gated:
        return {
            "reset": f"{emit.INDENT}kws_{GATE}_reset(m, memory);\n",
            "run": f"{emit.INDENT}return kws_{GATE}_run(m, memory, network, features);\n",
        }
    unused = f"{emit.INDENT}(void)memory;\n"
    return {"reset": f"{emit.INDENT}(void)m;\n{unused}", "run": unused + _CALL_NETWORK}


def known_kinds(layers: Iterable[str], frontends: Iterable[str], decisions: Iterable[str], gates: int) -> str:
    """The structure that tells the library which kinds the generated functions beside it know."""

    def bits(prefix: str, names: Iterable[str]) -> str:
        return " | ".join(f"1u << {prefix}_{name.upper()}" for name in names) or "0u"

    fields: dict[str, str | int] = {
        "layers": bits("KWS", layers),
        "decisions": bits("KWS_DECISION", decisions),
        "frontends": bits("KWS_FRONTEND", frontends),
        "gates": f"{gates}u",
    }
    return emit.structure("kws_kinds", "kws_known_kinds", fields, static=False)


def kinds_source(network: NetworkSource, info: ModelInfo | None) -> str:
    """The functions of kws_model.c that call those of the model's kinds; of a bare network, which has none, nothing."""
    called = {}
    if info is not None:
        called = {(part, what): f"kws_{getattr(info, part).kind}_{what}" for part, what, _ in _FUNCTIONS}
        called["frontend", "run"] = info.frontend.run
    functions = []
    for part, what, parameters in _FUNCTIONS:
        names = re.findall(r"(\w+)(?:,|$)", parameters)
        body = (
            f"{emit.INDENT}{called[part, what]}({', '.join(names)});\n"
            if called
            else "".join(f"{emit.INDENT}(void){name};\n" for name in names)
        )
        functions.append(f"void kws_{part}_{what}({parameters})\n{{\n{body}}}")
    bodies = gate_bodies(info is not None and info.gate.on)
    functions += [f"{gate_function(what)}\n{{\n{body}}}" for what, body in bodies.items()]
    comment = "/* Of the kinds that this model has; the linker leaves out the code of all others. */\n"
    spotting: tuple[list[str], list[str], int] = ([], [], 0)
    if info is not None:
        spotting = ([info.frontend.kind], [info.decision.kind], 2 if info.gate.on else 1)
    functions.append(known_kinds((kind.name for kind in network.used_kinds), *spotting))
    return comment + "\n\n".join(functions)


def _structure(kind: str, prefix: str, constants: Constants) -> Iterable[str]:
    """The constants of a kind: its arrays, then its structure, which is called as the kind."""
    lead: list[str] = []
    for array in constants.arrays:
        name = f"{prefix}_{array.name}"
        text = emit.array(array.ctype, name, array.data, align=array.align)
        text += "\n\n" + _static_assert(name, f"sizeof {name} == ({array.count}) * sizeof {name}[0]")
        member = emit.members({array.name: name})
        if array.only:
            text = f"#if {array.only}\n{text}\n#endif"
            member = [f"#if {array.only}", *member, "#else", *emit.members({array.name: "NULL"}), "#endif"]
        yield text
        lead += member
    yield emit.structure(f"kws_{kind}", kind, dict(constants.members), lead=lead)


def _static_assert(name: str, condition: str) -> str:
    return f"typedef char kws_assert_{name}[({condition}) ? 1 : -1];"
