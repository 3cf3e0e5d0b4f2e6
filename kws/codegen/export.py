"""Write a model as C: ``kws_model.c/.h``, the .tflite as an array, and test vectors.

The files depend on the model's bytes and on nothing else, so a second export is the same byte
for byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws import emit, firmware
from kws.codegen.layers import NetworkSource
from kws.codegen.vectors import vectors_files
from kws.errors import KwsError
from kws.files import write_all
from kws.fixedpoint.frontends.log_mel import FrontendTables
from kws.model.file import Model, ModelInfo

NOTICE = "Written by `kws export`; do not edit."


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


def export(model: Model, out: Path) -> Exported:
    """Write the C files of ``model`` into the folder ``out``.

    Raises:
        KwsError: the folder cannot be written, or the network is too large for 16-bit sizes.
    """
    network = NetworkSource(model.network)
    network_bytes = network.network_bytes
    if network_bytes > 0xFFFF:
        raise KwsError(f"{model.source} needs {network_bytes} bytes of RAM; at most 65535 can run")
    texts = {
        "kws_model.h": model_header(model, network),
        "kws_model.c": model_source(model, network),
        **tflite_files(model),
        **vectors_files(model),
    }
    write_all(out, texts)
    return Exported(tuple(out / name for name in texts), model.network.weight_bytes, network_bytes)


def copy_library(out: Path) -> None:
    """Copy the C library's ``include`` and ``src`` folders beside exported files.

    Raises:
        KwsError: the folder cannot be written, or the sources are missing from this installation.
    """
    write_all(out, firmware.library_files())


def model_format() -> int:
    """``KWS_MODEL_FORMAT``: of the structures that an export fills in, as the C library's header has it.

    Raises:
        KwsError: the header is missing or names no format.
    """
    header = firmware.sources_dir() / "include/kws/model.h"
    found = re.search(r"^#define KWS_MODEL_FORMAT (\d+)$", header.read_text(), re.MULTILINE)
    if found is None:
        raise KwsError(f"{header} does not define KWS_MODEL_FORMAT; reinstall kws")
    return int(found[1])


def identifier(label: str) -> str:
    """A label as part of a C identifier: upper case, other characters as underscores."""
    name = re.sub(r"[^A-Z0-9]+", "_", label.upper()).strip("_")
    return name or "LABEL"


def _label_enum(info: ModelInfo) -> str:
    names = [identifier(label) for label in info.labels]
    # Two labels may differ only in characters that C does not allow.
    unique = [name if names.count(name) == 1 else f"{name}_{i}" for i, name in enumerate(names)]
    return "enum {\n" + ",\n".join(f"    KWS_LABEL_{n} = {i}" for i, n in enumerate(unique)) + "\n};"


def model_header(model: Model, source: NetworkSource) -> str:
    """The text of kws_model.h."""
    network, info = model.network, model.info
    lines = [
        emit.comment(NOTICE),
        "#ifndef KWS_MODEL_H\n#define KWS_MODEL_H\n",
        '#include "kws/model.h"\n',
        f"#if KWS_MODEL_FORMAT != {model_format()}",
        '#error "this model was exported for another version of the kws library"\n#endif\n',
        f"#define KWS_MODEL_ID {emit.string(model.id)}",
        f"#define KWS_MODEL_TAG 0x{model.id[:8]}u",
        f"#define KWS_MODEL_HAS_FRONTEND {int(info is not None)}",
        f"#define KWS_MODEL_LAYERS {len(network.layers)}u",
        f"#define KWS_MODEL_INPUT_SIZE {network.input_size}u",
        f"#define KWS_MODEL_OUTPUT_SIZE {network.output_size}u",
        f"#define KWS_MODEL_WEIGHT_BYTES {network.weight_bytes}u",
        *source.size_macros(),
        "#define KWS_MODEL_NETWORK_WORDS KWS_WORDS(KWS_MODEL_NETWORK_BYTES)",
    ]
    if info is not None:
        f = info.frontend
        lines += [
            "",
            f"#define KWS_MODEL_LABELS {len(info.labels)}u",
            f"#define KWS_MODEL_WINDOW {f.window}u /* samples */",
            f"#define KWS_MODEL_HOP {f.hop}u /* samples */",
            f"#define KWS_MODEL_N_FFT {f.n_fft}u",
            f"#define KWS_MODEL_BANDS {f.bands}u",
            f"#define KWS_MODEL_AVERAGE_FRAMES {info.detector.average_frames}u",
            "",
            "/* RAM of a spotter, in bytes and in kws_word. */",
            "#define KWS_MODEL_SPOTTER_BYTES \\\n"
            "    KWS_SPOTTER_BYTES(KWS_MODEL_N_FFT, KWS_MODEL_BANDS, KWS_MODEL_LABELS, \\\n"
            "                      KWS_MODEL_AVERAGE_FRAMES, KWS_MODEL_NETWORK_BYTES)",
            "#define KWS_MODEL_SPOTTER_WORDS KWS_WORDS(KWS_MODEL_SPOTTER_BYTES)",
            "",
            _label_enum(info),
        ]
    lines += ["", emit.C_LINKAGE_BEGIN]
    if info is not None:
        lines += ["extern const kws_model kws_model_data;"]
    lines += ["extern const kws_network kws_model_network;", emit.C_LINKAGE_END, "#endif", ""]
    return "\n".join(lines)


def model_source(model: Model, network: NetworkSource) -> str:
    """The text of kws_model.c."""
    same = (
        f'#if KWS_MODEL_TAG != 0x{model.id[:8]}u\n#error "kws_model.c and kws_model.h are of different exports"\n#endif'
    )
    parts = [emit.comment(NOTICE), f'#include "kws_model.h"\n\n{network.headers()}', same, network.text()]
    if model.info is not None:
        parts += [_frontend(model.tables), _spotting(model.info)]
    return "\n\n".join(parts) + "\n"


def _static_assert(name: str, condition: str) -> str:
    return f"typedef char kws_assert_{name}[({condition}) ? 1 : -1];"


def _quarter(twiddles: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """The first quarter of a turn, both ends included: all that the device keeps of half a turn.

    Raises:
        ValueError: the second quarter is not its mirror image.
    """
    quarter = twiddles[: len(twiddles) // 2 + 1]
    if not np.array_equal(twiddles[len(quarter) :], quarter[-2:0:-1] * [-1, 1]):
        raise ValueError("the table of twiddles is not symmetric")
    return quarter


def _frontend(tables: FrontendTables) -> str:
    fields: dict[str, str | int] = {
        "window": "window",
        "twiddles": "twiddles",
        "segment_ends": "segment_ends",
        "weights": "mel_weights",
        "log_offset": tables.log_offset,
        "window_size": "KWS_MODEL_WINDOW",
        "hop": "KWS_MODEL_HOP",
        "n_fft": "KWS_MODEL_N_FFT",
        "first_bin": tables.first_bin,
        "bands": "KWS_MODEL_BANDS",
    }
    return "\n\n".join(
        [
            emit.array("int16_t", "window", np.pad(tables.window, (0, tables.n_fft - len(tables.window))), align=4),
            emit.array("int32_t", "twiddles", _quarter(tables.twiddles)),
            emit.array("uint16_t", "segment_ends", tables.segment_ends),
            emit.array("uint16_t", "mel_weights", tables.weights),
            "\n".join(
                [
                    _static_assert("window", "sizeof window == 2u * KWS_MODEL_N_FFT"),
                    _static_assert("twiddles", "sizeof twiddles == 2u * KWS_MODEL_N_FFT + 8u"),
                    _static_assert("segments", "sizeof segment_ends == 2u * (KWS_MODEL_BANDS + 1u)"),
                    _static_assert("features", "KWS_MODEL_BANDS == KWS_MODEL_INPUT_SIZE"),
                    _static_assert("posteriors", "KWS_MODEL_LABELS == KWS_MODEL_OUTPUT_SIZE"),
                ]
            ),
            emit.structure("kws_frontend", "frontend", fields),
        ]
    )


def _spotting(info: ModelInfo) -> str:
    p = info.detector_parameters()
    detector: dict[str, str | int] = {
        "threshold_sums": "threshold_sums",
        "cooldown_frames": p.cooldown_frames,
        "average_frames": "KWS_MODEL_AVERAGE_FRAMES",
        "first_word": p.first_word,
    }
    fields: dict[str, str | int] = {
        "format": "KWS_MODEL_FORMAT",
        "arch": "KWS_ARCH",
        "frontend": "&frontend",
        "network": "&kws_model_network",
        "detector": "&detector",
        "labels": "labels",
        "label_count": "KWS_MODEL_LABELS",
        "network_bytes": "KWS_MODEL_NETWORK_BYTES",
    }
    names = "".join(f"{emit.INDENT}{emit.string(label)},\n" for label in info.labels)
    return "\n\n".join(
        [
            "static const char *const labels[KWS_MODEL_LABELS] = {\n" + names + "};",
            emit.array("uint16_t", "threshold_sums", np.array(p.threshold_sums)),
            _static_assert("thresholds", f"sizeof threshold_sums == 2u * (KWS_MODEL_LABELS - {p.first_word}u)"),
            emit.structure("kws_detector", "detector", detector),
            emit.structure("kws_model", "kws_model_data", fields, static=False),
        ]
    )


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
