"""Write a model as C: ``kws_model.c/.h``, the .tflite as an array, and test vectors.

The files depend on the model's bytes and on nothing else, so a second export is the same byte
for byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws import emit, firmware
from kws.codegen import naming, occupied
from kws.codegen.layers import NetworkSource
from kws.codegen.spotting import kinds_source, spotting_includes, spotting_macros, spotting_source
from kws.codegen.vectors import vectors_files
from kws.errors import KwsError
from kws.files import write_all
from kws.model.file import Model

NOTICE = f"{occupied.MARK}`; do not edit."


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Attributes:
        files: the files, in the order written.
        weight_bytes: int8 weights and int32 biases of the network.
        network_bytes: RAM of the network's states and buffers.
    """

    files: tuple[Path, ...]
    weight_bytes: int
    network_bytes: int


def export(model: Model, out: Path, name: str | None = None, with_library: bool = False) -> Exported:
    """Write the C files of ``model`` into the folder ``out``.

    Args:
        model: the model.
        out: the folder.
        name: what the model's files and symbols are called in place of ``kws``, so that a program can have several
            models. All of a program's models are exported into one folder, which gets a ``kws_kinds.c`` for them.
        with_library: whether the C library goes there, too, as of :func:`copy_library`.

    Raises:
        UsageError: the name cannot be part of symbols.
        KwsError: the folder cannot be written, or the network is too large for 16-bit sizes; or the folder holds
            models with names and this one has none, or the other way round, or files of these names that kws did not
            write; with the library also what :func:`copy_library` says.
    """
    if name is not None:
        naming.require_name(name)
    elif (out / naming.KINDS_FILE).exists():
        raise KwsError(
            f"{out} holds models with names of their own; give this one a --name too, or choose another folder"
        )
    network = NetworkSource(model.network)
    network_bytes = network.network_bytes
    if network_bytes > 0xFFFF:
        raise KwsError(f"{model.source} needs {network_bytes} bytes of RAM; at most 65535 can run")
    texts = {
        "kws_model.h": model_header(model, network, named=name is not None),
        "kws_model.c": model_source(model, network, named=name is not None),
        **tflite_files(model),
        **vectors_files(model),
    }
    if name is not None:
        texts = naming.renamed(texts, name)
        texts |= naming.kinds_file(out, texts[f"{name}_model.h"])
    occupied.require_generated(out, texts)
    write_all(out, {**texts, **(_library(out) if with_library else {})})
    return Exported(tuple(out / file for file in texts), model.network.weight_bytes, network_bytes)


def copy_library(out: Path) -> None:
    """Copy the C library's ``include`` and ``src`` folders beside exported files.

    Raises:
        KwsError: the folder cannot be written, holds files of these names that kws did not write or another version's
            sources, or the sources are missing from this installation.
    """
    write_all(out, _library(out))


def _library(out: Path) -> dict[str, str]:
    files = firmware.library_files()
    occupied.require_library(out, files)
    return files


def model_header(model: Model, source: NetworkSource, named: bool = False) -> str:
    """The text of kws_model.h; ``named``: of a model that may not be the program's only one."""
    network, info = model.network, model.info
    lines = [
        emit.comment(NOTICE),
        "#ifndef KWS_MODEL_H\n#define KWS_MODEL_H\n",
        '#include "kws/model.h"\n',
        *([] if info is None else spotting_includes(info)),
        f"#if KWS_MODEL_FORMAT != {firmware.model_format()}",
        '#error "this model was exported for another version of the kws library"\n#endif\n',
        f"#define KWS_MODEL_ID {emit.string(model.id)}",
        f"#define KWS_MODEL_TAG 0x{model.id[:8]}u",
        f"#define KWS_MODEL_HAS_FRONTEND {int(info is not None)}",
        f"#define KWS_MODEL_HAS_GATE {int(info is not None and info.gate.on)}",
        f"#define KWS_MODEL_LAYERS {len(network.layers)}u",
        f"#define KWS_MODEL_INPUT_SIZE {network.input_size}u",
        f"#define KWS_MODEL_OUTPUT_SIZE {network.output_size}u",
        f"#define KWS_MODEL_WEIGHT_BYTES {network.weight_bytes}u",
        *source.size_macros(),
        "#define KWS_MODEL_NETWORK_WORDS KWS_WORDS(KWS_MODEL_NETWORK_BYTES)",
    ]
    if named:
        lines += naming.kind_macros(source, info)
    if info is not None:
        lines += ["", *spotting_macros(info)]
    lines += ["", emit.C_LINKAGE_BEGIN]
    if info is not None:
        lines += ["extern const kws_model kws_model_data;"]
    lines += ["extern const kws_network kws_model_network;", emit.C_LINKAGE_END, "#endif", ""]
    return "\n".join(lines)


def model_source(model: Model, network: NetworkSource, named: bool = False) -> str:
    """The text of kws_model.c; ``named``: without the functions that a program has once."""
    same = (
        f'#if KWS_MODEL_TAG != 0x{model.id[:8]}u\n#error "kws_model.c and kws_model.h are of different exports"\n#endif'
    )
    parts = [emit.comment(NOTICE), f'#include "kws_model.h"\n\n{network.headers()}', same, network.text()]
    if model.info is not None:
        parts.append(spotting_source(model.info))
    if not named:
        parts += [network.run_source(), kinds_source(network, model.info)]
    return "\n\n".join(parts) + "\n"


def tflite_files(model: Model) -> dict[str, str]:
    """kws_model_tflite.c and .h: the model file itself, for the TFLM interpreter."""
    header = "\n".join(
        [
            emit.comment(NOTICE),
            "#ifndef KWS_MODEL_TFLITE_H\n#define KWS_MODEL_TFLITE_H\n",
            emit.C_LINKAGE_BEGIN,
            "/* The .tflite file, 16-byte aligned as TFLM requires. */",
            "extern const unsigned char kws_model_tflite[];",
            "extern const unsigned int kws_model_tflite_size;",
            emit.C_LINKAGE_END,
            "#endif\n",
        ]
    )
    data = np.frombuffer(model.content, np.uint8)
    source = "\n\n".join(
        [
            emit.comment(NOTICE),
            '#include "kws_model_tflite.h"',
            '#include "kws/model.h"',
            emit.array("unsigned char", "kws_model_tflite", data, static=False, align=16),
            f"const unsigned int kws_model_tflite_size = {len(data)}u;",
        ]
    )
    return {"kws_model_tflite.h": header, "kws_model_tflite.c": source + "\n"}
