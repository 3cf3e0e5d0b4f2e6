"""Two models in one program: each hears what it hears alone, in whatever order, on this machine and on cores."""

from __future__ import annotations

import itertools
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import needs
from core_program import CoreProgram
from random_models import bare_model, spotting_model
from unicorn.arm_const import UC_CPU_ARM_CORTEX_M0, UC_CPU_ARM_CORTEX_M4
from wake_words import FOLDER, speech

from kws import codegen, firmware
from kws.cli.main import main
from kws.codegen import naming
from kws.decisions import CtcConfig, DetectorConfig
from kws.engines.numpy_engine import NumpyEngine
from kws.errors import KwsError, UsageError
from kws.frontends import LogMelConfig, MicroFrontendConfig
from kws.model.file import Model, with_gate, with_info
from kws.verify.inputs import random_signal
from kws.voice_gate import VoiceGateConfig, asleep

STRICT = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Werror"]
SAMPLES, MOST = 16000, 64
ROOT = Path(__file__).resolve().parents[2]

# Feeds both in pieces that end in the middle of frames; what each detects is a row of frame, label and score.
PROGRAM = """
#include "kws/kws.h"
#include "wake_model.h"
#include "commands_model.h"
static kws_word wake_memory[WAKE_MODEL_SPOTTER_WORDS];
static kws_word commands_memory[COMMANDS_MODEL_SPOTTER_WORDS];
static kws_spotter *spotters[2];
int16_t piece[1000];
uint32_t found[2][64][3];
uint32_t counts[2];
int32_t start(void);
int32_t feed(int32_t samples, int32_t first);
int32_t start(void)
{
    counts[0] = counts[1] = 0;
    const int32_t code = kws_spotter_init(&spotters[0], &wake_model_data, wake_memory, sizeof wake_memory);
    return code != KWS_OK ? code
           : kws_spotter_init(&spotters[1], &commands_model_data, commands_memory, sizeof commands_memory);
}
int32_t feed(int32_t samples, int32_t first)
{
    for (int32_t turn = 0; turn < 2; turn++) {
        const int32_t which = turn == 0 ? first : 1 - first;
        int32_t used = 0;
        for (int32_t at = 0; at < samples; at += used) {
            kws_result result;
            used = kws_spotter_process(spotters[which], piece + at, (size_t)(samples - at), &result);
            if (used <= 0) {
                return used - 1;
            }
            if (result.label >= 0 && counts[which] < 64u) {
                uint32_t *row = found[which][counts[which]++];
                row[0] = result.frame;
                row[1] = (uint32_t)result.label;
                row[2] = result.score;
            }
        }
    }
    return 0;
}
"""

HOST_MAIN = """
#include <stdio.h>
#include <stdlib.h>
int main(int count, char **arguments)
{
    const int32_t first = count > 1 ? atoi(arguments[1]) : 0;
    if (start() != 0) {
        return 2;
    }
    for (size_t got; (got = fread(piece, 2, 777, stdin)) > 0;) {
        if (feed((int32_t)got, first) != 0) {
            return 3;
        }
    }
    for (int32_t which = 0; which < 2; which++) {
        for (uint32_t i = 0; i < counts[which]; i++) {
            printf("%d %u %u %u\\n", (int)which, (unsigned)found[which][i][0], (unsigned)found[which][i][1],
                   (unsigned)found[which][i][2]);
        }
    }
    return 0;
}
"""


# A model, and one that the program's functions do not know: then nothing may be touched.
REFUSED = """
#include <stdio.h>
#include <string.h>
#include "MINE_model.h"
#include "other_model.h"
static kws_word memory[30000], before[30000];
int main(void)
{
    kws_spotter *spotter, *other = NULL;
    printf("%s ", kws_error_name(kws_spotter_init(&spotter, &MINE_model_data, memory, sizeof memory)));
    memcpy(before, memory, sizeof memory);
    const int32_t code = kws_spotter_init(&other, &other_model_data, memory, sizeof memory);
    puts(kws_error_name(code));
    return code != KWS_OK && (other != NULL || memcmp(before, memory, sizeof memory) != 0);
}
"""


@pytest.fixture(scope="module")
def models():
    """Different in all: front end, hop, network, labels, decision's settings; one has a voice gate."""
    wake = spotting_model(
        6, ("hey", "you"), units=(12,), frontend=MicroFrontendConfig(), detector=DetectorConfig(2, 0.25, 3)
    )
    commands = spotting_model(6, units=(16, 8), frontend=LogMelConfig(bands=24), detector=DetectorConfig(2, 0.2, 2))
    gate = VoiceGateConfig(on=True, history_ms=40, hold_ms=40, settle_ms=40)
    return {"wake": wake, "commands": Model.from_bytes(with_gate(commands, gate), "gated commands")}


@pytest.fixture(scope="module")
def exported(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    for name, model in models.items():
        codegen.export(model, folder, name)
    return folder


@pytest.fixture(scope="module")
def pcm():
    rng = np.random.default_rng(3)
    return np.concatenate([random_signal(rng, 2000)[1] for _ in range(SAMPLES // 2000)])


def heard_alone(models, pcm):
    """What each model detects by itself."""
    return [
        (which, d.frame, d.label, d.score)
        for which, model in enumerate(models)
        for d in NumpyEngine(model).process(pcm).detections
    ]


@pytest.fixture(scope="module")
def alone(models, pcm):
    rows = heard_alone(models.values(), pcm)
    posteriors = NumpyEngine(models["commands"]).process(pcm).posteriors
    assert 4 < int((posteriors == asleep(models["commands"].info.labels)).all(axis=1).sum()) < len(posteriors) - 4
    counts = [sum(row[0] == which for row in rows) for which in range(2)]
    assert all(2 < count < MOST for count in counts), counts
    return rows


def library():
    return sorted(firmware.sources_dir().glob("src/**/*.c"))


@pytest.fixture(scope="module")
def host_library(tmp_path_factory):
    """The library's objects, compiled once."""
    folder = tmp_path_factory.mktemp("library")
    flags = ["-std=c99", "-O1", f"-I{firmware.sources_dir() / 'include'}"]
    subprocess.run(["cc", *flags, "-c", *library()], check=True, cwd=folder)
    return sorted(folder.glob("*.o"))


def check_host(folder, objects, pcm, expected, tmp_path):
    """Link in both orders, feed in both orders."""
    (tmp_path / "main.c").write_text(PROGRAM + HOST_MAIN)
    include = firmware.sources_dir() / "include"
    for order in itertools.permutations(("wake_model.c", "commands_model.c")):
        sources = [*(folder / name for name in order), folder / naming.KINDS_FILE, tmp_path / "main.c", *objects]
        program = tmp_path / "two"
        subprocess.run(["cc", *STRICT, f"-I{include}", f"-I{folder}", *sources, "-o", program], check=True)
        for first in ("0", "1"):
            done = subprocess.run([program, first], input=pcm.tobytes(), capture_output=True, check=True)
            rows = [tuple(map(int, line.split())) for line in done.stdout.decode().splitlines()]
            assert rows == expected


@needs("cc")
def test_on_this_machine(exported, host_library, pcm, alone, tmp_path):
    check_host(exported, host_library, pcm, alone, tmp_path)


@pytest.mark.slow
@needs("cc")
def test_a_wake_word_and_commands(host_library, tmp_path):
    """Somebody else's wake word and commands12, in speech with both."""
    models = [Model.load(FOLDER / "alexa.tflite"), Model.load(ROOT / "models/commands12.tflite")]
    pcm = np.concatenate([speech("Alexa", 4), speech("right", 4), speech("Alexa", 2)])
    for name, model in zip(("wake", "commands"), models, strict=True):
        codegen.export(model, tmp_path, name)
    expected = heard_alone(models, pcm)
    assert {models[which].info.labels[label] for which, _, label, _ in expected} >= {"Alexa", "right"}
    check_host(tmp_path, host_library, pcm, expected, tmp_path)


@pytest.mark.slow
@needs("arm-none-eabi-gcc")
@pytest.mark.parametrize(
    ("cpu", "core"),
    [
        ("cortex-m4", UC_CPU_ARM_CORTEX_M4),
        ("cortex-m0plus", UC_CPU_ARM_CORTEX_M0),
    ],
)
def test_on_an_emulated_core(exported, pcm, alone, tmp_path, cpu, core):
    for order in itertools.permutations(("wake_model.c", "commands_model.c")):
        sources = [*(exported / name for name in order), exported / naming.KINDS_FILE, *library()]
        program = CoreProgram(tmp_path, PROGRAM, sources, cpu, core, includes=[exported], counts=False)
        for first in (0, 1):
            assert program.call("start") == 0
            for at in range(0, SAMPLES, 777):
                piece = pcm[at : at + 777]
                program.write("piece", piece)
                assert program.call("feed", len(piece), first) == 0
            counts = program.read("counts", np.uint32, 2)
            found = program.read("found", np.uint32, 2 * MOST * 3).reshape(2, MOST, 3)
            rows = [(which, *row) for which in range(2) for row in found[which, : counts[which]].tolist()]
            assert rows == alone


@needs("cc")
def test_no_symbol_or_guard_is_anothers(exported, models, tmp_path):
    """All that two exports define for other files to see is their own, and their headers go together."""
    names = {}
    for name in models:
        symbols = set()
        for path in exported.glob(f"{name}_*.c"):
            include = f"-I{firmware.sources_dir() / 'include'}"
            subprocess.run(["cc", *STRICT, include, "-c", path, "-o", tmp_path / "x.o"], check=True)
            out = subprocess.run(
                ["nm", "-g", "--defined-only", tmp_path / "x.o"], capture_output=True, text=True, check=True
            )
            symbols |= {line.split()[-1] for line in out.stdout.splitlines()}
        assert all(symbol.startswith(f"{name}_") for symbol in symbols)
        names[name] = {symbol.removeprefix(f"{name}_") for symbol in symbols}
    assert names["wake"] == names["commands"]
    headers = sorted(path.name for path in exported.glob("*.h"))
    assert len(headers) == 6
    text = "".join(f'#include "{header}"\n' for header in headers)
    text += "int x = WAKE_LABEL_HEY + COMMANDS_LABEL_YES + (int)(WAKE_VECTORS_FRAMES + COMMANDS_VECTORS_FRAMES);\n"
    for compiler, file in (("cc", "x.c"), ("c++", "x.cpp")):
        (tmp_path / file).write_text(text)
        command = [compiler, "-Wall", "-Werror", f"-I{exported}", f"-I{firmware.sources_dir() / 'include'}"]
        subprocess.run([*command, "-c", tmp_path / file, "-o", tmp_path / "x.o"], check=True)


def test_only_kinds_that_the_models_have(exported, tmp_path, models):
    text = (exported / naming.KINDS_FILE).read_text()
    for kind in (
        "KWS_LSTM",
        "KWS_SOFTMAX",
        "KWS_FRONTEND_LOG_MEL",
        "KWS_FRONTEND_MICROFRONTEND",
        "KWS_DECISION_DETECTOR",
    ):
        assert text.count(f"case {kind}:") in (1, 2)
    assert "LOGISTIC" not in text
    # What the file says does not depend on the order of the exports, and follows the models that are there.
    for name in reversed(models):
        codegen.export(models[name], tmp_path, name)
    assert (tmp_path / naming.KINDS_FILE).read_text() == text
    (tmp_path / "commands_model.h").unlink()
    codegen.export(models["wake"], tmp_path, "wake")
    assert "LOG_MEL" not in (tmp_path / naming.KINDS_FILE).read_text()


def gated(model: Model) -> Model:
    return Model.from_bytes(with_gate(model, VoiceGateConfig(on=True)), "gated")


@needs("cc")
@pytest.mark.parametrize("own", ["with a name", "alone"])
@pytest.mark.parametrize("differs", ["layers", "frontend", "decision", "gate", "no gate"])
def test_a_model_of_another_folder_is_refused(own, differs, host_library, tmp_path):
    """A program that has the kws_kinds.c of another folder, or a model without a name beside one with a name."""
    mine = other = spotting_model(1, units=(4,))
    if differs == "layers":
        mine = spotting_model(1, units=())
    elif differs == "frontend":
        other = spotting_model(1, units=(4,), frontend=MicroFrontendConfig())
    elif differs == "decision":
        other = spotting_model(1, units=(4,), detector=CtcConfig())
    elif differs == "gate":
        other = gated(mine)
    else:
        mine = gated(mine)
    codegen.export(mine, tmp_path / "own", None if own == "alone" else "mine")
    codegen.export(other, tmp_path / "other", "other")
    name, kinds = ("kws", []) if own == "alone" else ("mine", [tmp_path / "own" / naming.KINDS_FILE])
    (tmp_path / "main.c").write_text(REFUSED.replace("MINE", name))
    sources = [tmp_path / "main.c", tmp_path / f"own/{name}_model.c", *kinds, tmp_path / "other/other_model.c"]
    includes = [f"-I{folder}" for folder in (tmp_path / "own", tmp_path / "other", firmware.sources_dir() / "include")]
    subprocess.run(["cc", *STRICT, *includes, *sources, *host_library, "-o", tmp_path / "x"], check=True)
    done = subprocess.run([tmp_path / "x"], check=True, capture_output=True, text=True)
    # A kws_kinds.c with a gate is also for models that have none.
    known = differs == "no gate" and own != "alone"
    assert done.stdout == f"KWS_OK {'KWS_OK' if known else 'KWS_ERROR_MODEL'}\n"


@needs("cc")
def test_bare_networks_have_names_too(host_library, tmp_path):
    codegen.export(bare_model(1, units=(4,)), tmp_path, "a")
    codegen.export(bare_model(2, units=(4,), head="logistic"), tmp_path, "b")
    (tmp_path / "main.c").write_text(
        '#include "a_model.h"\n#include "b_model.h"\nint main(void) { static kws_word m[A_MODEL_NETWORK_WORDS];'
        " return kws_network_reset(&a_model_network, m) + (int)(b_model_network.layer_count - B_MODEL_LAYERS); }\n"
    )
    sources = [tmp_path / f for f in ("main.c", "a_model.c", "b_model.c", naming.KINDS_FILE)]
    command = ["cc", *STRICT, f"-I{firmware.sources_dir() / 'include'}", *sources, *host_library, "-o", tmp_path / "x"]
    subprocess.run(command, check=True)
    subprocess.run([tmp_path / "x"], check=True)


def test_labels_read_as_they_like(tmp_path):
    model = spotting_model(1, ("kws_model_data", 'the "KWS_MODEL_ID"', "kws_vectors.h"), units=(4,))
    again = Model.from_bytes(with_info(model.graph, model.info))
    codegen.export(again, tmp_path, "odd")
    text = (tmp_path / "odd_model.c").read_text()
    for label in (r'"kws_model_data"', r'"the \"KWS_MODEL_ID\""', r'"kws_vectors.h"'):
        assert f"    {label},\n" in text
    assert "kws_model_network" not in text


@pytest.mark.parametrize(
    "name", ["", "Wake", "2nd", "a-b", "kws", "kws_a", "a_model", "a_label", "b_vectors", "x" * 32]
)
def test_names_that_cannot_be(name, tmp_path, tiny_model):
    with pytest.raises(UsageError, match="a name must be a lower-case letter"):
        codegen.export(tiny_model, tmp_path, name)
    assert not list(tmp_path.iterdir())


def test_a_model_without_a_name_is_alone(tmp_path, tiny_model):
    codegen.export(tiny_model, tmp_path / "a", "first")
    with pytest.raises(KwsError, match="give this one a --name too"):
        codegen.export(tiny_model, tmp_path / "a")
    codegen.export(tiny_model, tmp_path / "b")
    with pytest.raises(KwsError, match="which a program has alone"):
        codegen.export(tiny_model, tmp_path / "b", "second")


def test_command(tmp_path, tiny_file, capsys):
    assert main(["export", str(tiny_file), "--name", "wake", "--out", str(tmp_path / "x"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["name"] == "wake"
    assert set(said["files"]) >= {"wake_model.c", "wake_model.h", "kws_kinds.c"}
    assert main(["export", str(tiny_file), "--name", "wake", "--package", "plain", "--out", str(tmp_path / "y")]) == 2
    assert "do not go together" in capsys.readouterr().err
