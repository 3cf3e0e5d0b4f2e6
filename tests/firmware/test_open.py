"""A listening window that the program opens, as another model's wake word does: in C as in NumPy."""

from __future__ import annotations

import subprocess

import numpy as np
from conftest import needs
from random_models import spotting_model

from kws import codegen
from kws.decisions import DetectorConfig, GrammarConfig
from kws.model.file import Model, with_decision

PROGRAM = r"""
#include <stdio.h>
#include "kws/kws.h"
#include "kws_model.h"
#include "pcm.h"
static kws_word memory[KWS_MODEL_SPOTTER_WORDS];
static kws_word other[KWS_MODEL_SPOTTER_WORDS];
int main(int count, char **arguments)
{
    kws_spotter *spotter;
    (void)arguments;
    printf("%s\n", kws_error_name(kws_spotter_open(NULL, 1)));
    printf("%s\n", kws_error_name(kws_spotter_open((kws_spotter *)((char *)memory + 1), 1)));
    printf("%s\n", kws_error_name(kws_spotter_open((kws_spotter *)other, 1)));
    kws_spotter_init(&spotter, &kws_model_data, memory, sizeof memory);
    printf("%s\n", kws_error_name(kws_spotter_open(spotter, 0)));
    for (size_t i = 0; i < SAMPLES;) {
        kws_result result;
        i += (size_t)kws_spotter_process(spotter, pcm + i, SAMPLES - i, &result);
        if (result.posteriors && result.frame == OPENED && count > 1) {
            (void)kws_spotter_open(spotter, FRAMES);
        }
        if (result.label >= 0) {
            printf("%u %d %u\n", (unsigned)result.frame, (int)result.label, (unsigned)result.score);
        }
    }
    return 0;
}
"""
OPENED, FRAMES = 20, 30


def build(folder, decision, pcm):
    model = Model.from_bytes(with_decision(spotting_model(6, units=(16,)), decision))
    codegen.export(model, folder)
    codegen.copy_library(folder)
    (folder / "main.c").write_text(PROGRAM)
    values = ",".join(map(str, pcm.tolist()))
    (folder / "pcm.h").write_text(
        f"#define OPENED {OPENED}u\n#define FRAMES {FRAMES}u\n#define SAMPLES {len(pcm)}u\n"
        f"static const int16_t pcm[SAMPLES] = {{{values}}};\n"
    )
    sources = [*folder.glob("*.c"), *folder.glob("src/**/*.c")]
    subprocess.run(
        ["cc", "-std=c99", "-I", folder, "-I", folder / "include", *sources, "-o", folder / "program"], check=True
    )
    return model


def run(folder, *arguments):
    done = subprocess.run([folder / "program", *arguments], check=True, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    return lines[:4], [tuple(map(int, line.split())) for line in lines[4:]]


@needs("cc")
def test_a_program_opens_the_window(tmp_path):
    pcm = (np.random.default_rng(3).normal(0, 1, 32000) * 9000 * np.sin(np.arange(32000) / 2500) ** 2).astype(np.int16)
    model = build(tmp_path, GrammarConfig(3, 0.2, 0, window_frames=50), pcm)
    codes, found = run(tmp_path)
    assert codes == ["KWS_ERROR_ARGUMENT", "KWS_ERROR_ALIGNMENT", "KWS_ERROR_UNINITIALISED", "KWS_OK"]
    assert found == []
    info = model.info
    posteriors = model.spotter().process(pcm[None]).posteriors[0]
    twin = info.decision.twin(info.labels)
    twin.process(posteriors[: OPENED + 1])
    twin.open(FRAMES)
    expected = [(d.frame, d.label, d.score) for d in twin.process(posteriors[OPENED + 1 :])]
    assert expected
    assert all(OPENED < frame <= OPENED + FRAMES for frame, _, _ in expected)
    assert run(tmp_path, "open")[1] == expected


@needs("cc")
def test_a_model_without_a_window_has_none_to_open(tmp_path):
    build(tmp_path, DetectorConfig(3, 0.2, 0), np.zeros(10, np.int16))
    assert run(tmp_path)[0][3] == "KWS_ERROR_ARGUMENT"
