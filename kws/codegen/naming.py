"""Names of an exported model's own: several models in one program, without a clash of symbols or guards."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from kws import emit
from kws.codegen.layers import NetworkSource
from kws.codegen.occupied import MARK
from kws.codegen.spotting import gate_bodies, gate_function, known_kinds
from kws.errors import KwsError, UsageError
from kws.files import read_file, require_regular
from kws.model.file import ModelInfo
from kws.voice_gate import KIND as GATE

NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
KINDS_FILE = "kws_kinds.c"
_LITERAL = r'"(?:\\.|[^"\\])*"'
# What is a model's own. The number of the format belongs to the library, and so do the types.
_OWN = re.compile(
    rf"(?P<literal>{_LITERAL})"
    r"|\bkws_(?P<symbol>model(?=_data\b|_network\b|_tflite|\.[ch]\b)|vectors)"
    r"|\bKWS_(?P<macro>MODEL(?=_(?!FORMAT\b|TYPES_H\b|SLOT\b))|VECTORS|LABEL)(?=_)"
)
_KIND = re.compile(r"^#define \w+_HAS_(LAYER|FRONTEND|DECISION|GATE)_KIND_(\w+)$", re.MULTILINE)


def require_name(name: str) -> None:
    """Refuse what cannot be part of symbols, or is taken.

    Raises:
        UsageError: it is no lower-case identifier, or begins as the library's own names do.
    """
    taken = name == "kws" or name.startswith("kws_") or name.endswith(("_model", "_vectors", "_label"))
    if taken or not NAME.fullmatch(name):
        raise UsageError(
            "a name must be a lower-case letter followed by at most 30 lower-case letters, digits and underscores,"
            f" and neither begin with kws_ nor end with _model, _vectors or _label; this is {name!r}"
        )


def renamed(texts: dict[str, str], name: str) -> dict[str, str]:
    """Exported files under ``name``: kws_model becomes name_model, KWS_LABEL_YES becomes NAME_LABEL_YES and so on."""
    return {_file_name(file, name): _text(text, name) for file, text in texts.items()}


def _file_name(file: str, name: str) -> str:
    return f"{name}{file.removeprefix('kws')}"


def _text(text: str, name: str) -> str:
    def replace(match: re.Match[str]) -> str:
        if match["literal"]:
            return match["literal"]
        return f"{name}_{match['symbol']}" if match["symbol"] else f"{name.upper()}_{match['macro']}"

    def replace_line(line: str) -> str:
        # Of all texts in quotes only those that name files are changed: a label may read as it likes.
        if line.startswith("#include "):
            return re.sub(r'"kws_(model|vectors)', rf'"{name}_\1', line)
        if line.startswith("#error "):
            return re.sub(r"\bkws_model(?=\.)", f"{name}_model", line)
        return _OWN.sub(replace, line)

    return "\n".join(replace_line(line) for line in text.split("\n"))


def kind_macros(network: NetworkSource, info: ModelInfo | None) -> list[str]:
    """The lines of a named model's header that say which kinds it has."""
    kinds = [("LAYER", kind.name) for kind in network.used_kinds]
    if info is not None:
        kinds += [("FRONTEND", info.frontend.kind), ("DECISION", info.decision.kind)]
        kinds += [("GATE", GATE)] if info.gate.on else []
    return [f"#define KWS_MODEL_HAS_{part}_KIND_{name}" for part, name in kinds]


def kinds_file(folder: Path, header: str) -> dict[str, str]:
    """The file that calls what the named models of a folder have: kinds of layers, front ends and decisions.

    Args:
        folder: where the models are; it need not be there yet.
        header: that of the model that is being written.

    Raises:
        KwsError: a header in the folder cannot be read, or the folder holds a model without a name.
    """
    texts = [header]
    try:
        if (folder / "kws_model.c").exists():
            raise KwsError(
                f"{folder} holds a model without a name, kws_model.c, which a program has alone;"
                " choose another folder, or remove it and export it with a --name of its own"
            )
        for path in sorted(folder.glob("*_model.h")):
            require_regular(path, "the header of a model that was exported with a --name")
            texts.append(read_file(path).decode(errors="replace"))
    except OSError as error:
        raise KwsError(f"cannot read {folder}: {error.strerror or error}") from error
    found = {match.groups() for text in texts for match in _KIND.finditer(text)}
    kinds = {part: sorted(name for p, name in found if p == part) for part in ("LAYER", "FRONTEND", "DECISION")}
    return {KINDS_FILE: _kinds_source(kinds, gated=("GATE", GATE) in found)}


_FUNCTIONS = (
    ("LAYER", "layer", "run", "const kws_layer *layer, uint8_t *memory, const int8_t *input"),
    ("FRONTEND", "frontend", "reset", "const kws_frontend *f, void *memory"),
    ("FRONTEND", "frontend", "run", "const kws_frontend *f, void *memory, const int16_t *pcm, int8_t *features"),
    ("DECISION", "decision", "reset", "const kws_decision *d, void *memory"),
    (
        "DECISION",
        "decision",
        "step",
        "const kws_decision *d, void *memory, const int8_t *posteriors, kws_result *result",
    ),
)
_PREFIXES = {"LAYER": "KWS_", "FRONTEND": "KWS_FRONTEND_", "DECISION": "KWS_DECISION_"}


def _kinds_source(kinds: dict[str, list[str]], gated: bool) -> str:
    notice = (
        f"{MARK} --name`; do not edit.\n"
        "Calls the kinds of layers, front ends and decisions that the models of this folder have; the linker leaves\n"
        "out the code of all others. A program has this file once."
    )
    headers = [f"kws/{part.lower()}s/{name}.h" for part, names in kinds.items() for name in names]
    headers += [f"kws/{GATE}.h"] if gated else []
    includes = "\n".join(f'#include "{header}"' for header in ["kws/model.h", *headers])
    functions = [_function(part, what, action, signature, kinds[part]) for part, what, action, signature in _FUNCTIONS]
    functions += [_gate_function(what, gated) for what in gate_bodies(gated)]
    known = known_kinds(kinds["LAYER"], kinds["FRONTEND"], kinds["DECISION"], gates=3 if gated else 1)
    return "\n\n".join([emit.comment(notice), includes, *functions, known]) + "\n"


def _gate_function(what: str, gated: bool) -> str:
    """The function for models of which some have a gate, or none."""
    without, own = gate_bodies(False)[what], gate_bodies(True)[what]
    choice = f"{emit.INDENT}if (m->gate != NULL) {{\n{emit.INDENT}{own}{emit.INDENT}}}\n" if gated else ""
    return f"{gate_function(what)}\n{{\n{choice}{without}}}"


def _function(part: str, what: str, action: str, signature: str, names: Iterable[str]) -> str:
    parameters = re.findall(r"(\w+)(?:,|$)", signature)
    arguments = ", ".join(parameters)
    cases = "".join(
        f"    case {_PREFIXES[part]}{name.upper()}:\n        kws_{name}_{action}({arguments});\n        break;\n"
        for name in names
    )
    unused = "".join(f"    (void){parameter};\n" for parameter in parameters) if not cases else ""
    body = f"    switch ({parameters[0]}->kind) {{\n{cases}    default:\n        break;\n    }}\n" if cases else unused
    return f"void kws_{what}_{action}({signature})\n{{\n{body}}}"
