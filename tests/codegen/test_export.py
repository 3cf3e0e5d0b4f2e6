"""The generated C: the same bytes again, clean under strict warnings, self-consistent."""

from __future__ import annotations

import doctest
import errno
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import needs
from random_models import bare_model, spotting_model

from kws import codegen, emit, firmware
from kws.codegen.export import model_source
from kws.codegen.layers import NetworkSource
from kws.codegen.spotting import identifier
from kws.config import DetectorConfig
from kws.errors import KwsError
from kws.model.file import Model

STRICT = [
    *("-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Wstrict-prototypes"),
    "-Werror",
]
MODELS = {
    "whole": lambda: spotting_model(1, units=(24, 16)),
    "bare": lambda: bare_model(2, units=(16,), steps=5, head="last"),
    "logistic": lambda: bare_model(3, units=(8, 8), steps=2, head="logistic"),
    "per channel": lambda: bare_model(4, units=(8,), per_channel=True),
}


@pytest.mark.parametrize("name", MODELS)
def test_regeneration_is_byte_identical(name, tmp_path):
    model = MODELS[name]()
    first = codegen.export(model, tmp_path / "a")
    codegen.export(Model.from_bytes(model.content), tmp_path / "b")
    for path in first.files:
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    before = {p: p.stat().st_size for p in first.files}
    codegen.export(model, tmp_path / "a")
    assert before == {p: p.stat().st_size for p in first.files}
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == sorted(p.name for p in first.files)


@needs("cc")
@pytest.mark.parametrize("name", MODELS)
def test_compiles_without_a_warning(name, tmp_path):
    exported = codegen.export(MODELS[name](), tmp_path)
    include = f"-I{firmware.sources_dir() / 'include'}"
    for path in exported.files:
        if path.suffix == ".c":
            subprocess.run(["cc", *STRICT, include, "-c", path, "-o", tmp_path / "x.o"], check=True)


@pytest.mark.slow
@needs("cc")
def test_with_library_needs_nothing_else(tmp_path):
    """The example at the head of kws.h, compiled from an exported folder alone."""
    codegen.export(spotting_model(1), tmp_path)
    codegen.copy_library(tmp_path)
    (tmp_path / "main.c").write_text("""
        #include <stdio.h>
        #include "kws/kws.h"
        #include "kws_model.h"
        #include "kws_vectors.h"
        static kws_word memory[KWS_MODEL_SPOTTER_WORDS];
        int main(void) {
            kws_spotter *spotter;
            int32_t used = kws_spotter_init(&spotter, &kws_model_data, memory, sizeof memory);
            const int16_t *pcm = kws_vectors_pcm;
            size_t samples = KWS_VECTORS_SAMPLES;
            unsigned frames = 0;
            for (; used >= 0 && samples > 0; pcm += used, samples -= used) {
                kws_result result;
                used = kws_spotter_process(spotter, pcm, samples, &result);
                for (size_t i = 0; result.posteriors && i < KWS_MODEL_LABELS; i++)
                    if (result.posteriors[i] != kws_vectors_posteriors[frames][i]) return 3;
                frames += result.posteriors != NULL;
            }
            return frames == KWS_VECTORS_FRAMES && kws_label(spotter, KWS_LABEL_NO)[0] == 'n'
                && !kws_label(spotter, -1) && !kws_label(spotter, KWS_MODEL_LABELS) ? 0 : 4;
        }
        """)
    sources = [*tmp_path.glob("*.c"), *tmp_path.glob("src/**/*.c")]
    program = tmp_path / "program"
    subprocess.run(
        ["cc", "-std=c99", "-O2", "-I", tmp_path, "-I", tmp_path / "include", *sources, "-o", program], check=True
    )
    assert subprocess.run([program], check=False).returncode == 0


@needs("cc")
def test_errors_have_codes_with_names(tmp_path):
    """Every misuse that the header names, and that it changes nothing."""
    codegen.export(spotting_model(1), tmp_path)
    codegen.copy_library(tmp_path)
    (tmp_path / "main.c").write_text("""
        #include <stdio.h>
        #include <string.h>
        #include "kws/kws.h"
        #include "kws_model.h"
        #define EXPECT(code, call) do { \
            if ((call) != (code)) { printf("%d %s\\n", __LINE__, kws_error_name(call)); return 1; } } while (0)
        static kws_word memory[KWS_MODEL_SPOTTER_WORDS], other[KWS_MODEL_SPOTTER_WORDS];
        static kws_word bare[KWS_MODEL_NETWORK_WORDS];
        int main(void) {
            static const int8_t x[KWS_MODEL_INPUT_SIZE];
            static const int16_t pcm[KWS_MODEL_WINDOW];
            const int8_t *y;
            kws_spotter *spotter = (kws_spotter *)other;
            kws_result result;
            kws_model old = kws_model_data;
            old.format--;
            kws_model foreign = kws_model_data;
            foreign.arch++;
            kws_network elsewhere = kws_model_network;
            elsewhere.arch++;
            EXPECT(KWS_ERROR_UNINITIALISED, kws_spotter_reset(spotter));
            EXPECT(KWS_ERROR_UNINITIALISED, kws_spotter_process(spotter, pcm, 1, &result));
            EXPECT(KWS_ERROR_ARGUMENT, kws_spotter_init(NULL, &kws_model_data, memory, sizeof memory));
            EXPECT(KWS_ERROR_ARGUMENT, kws_spotter_init(&spotter, NULL, memory, sizeof memory));
            EXPECT(KWS_ERROR_ARGUMENT, kws_spotter_init(&spotter, &kws_model_data, NULL, sizeof memory));
            EXPECT(KWS_ERROR_MODEL, kws_spotter_init(&spotter, &old, memory, sizeof memory));
            EXPECT(KWS_ERROR_MODEL, kws_spotter_init(&spotter, &foreign, memory, sizeof memory));
            EXPECT(KWS_ERROR_MODEL, kws_network_reset(&elsewhere, bare));
            EXPECT(KWS_ERROR_MODEL, kws_network_run(&elsewhere, bare, x, &y));
            EXPECT(KWS_ERROR_ALIGNMENT, kws_spotter_init(&spotter, &kws_model_data, (char *)memory + 1, sizeof memory));
            EXPECT(KWS_ERROR_MEMORY,
                   kws_spotter_init(&spotter, &kws_model_data, memory, sizeof memory - sizeof(kws_word)));
            if (spotter != (kws_spotter *)other) return 2;
            EXPECT(KWS_OK, kws_spotter_init(&spotter, &kws_model_data, memory, sizeof memory));
            EXPECT(0, kws_spotter_process(spotter, NULL, 0, &result));
            EXPECT(7, kws_spotter_process(spotter, pcm, 7, &result));
            memcpy(other, memory, sizeof memory);
            EXPECT(KWS_ERROR_ARGUMENT, kws_spotter_reset(NULL));
            EXPECT(KWS_ERROR_ARGUMENT, kws_spotter_process(NULL, pcm, 7, &result));
            EXPECT(KWS_ERROR_ARGUMENT, kws_spotter_process(spotter, NULL, 7, &result));
            EXPECT(KWS_ERROR_ARGUMENT, kws_spotter_process(spotter, pcm, 7, NULL));
            if (memcmp(other, memory, sizeof memory) || kws_label(NULL, 0)) return 3;
            EXPECT(KWS_ERROR_ARGUMENT, kws_network_reset(NULL, bare));
            EXPECT(KWS_ERROR_ARGUMENT, kws_network_reset(&kws_model_network, NULL));
            EXPECT(KWS_ERROR_ALIGNMENT, kws_network_reset(&kws_model_network, (char *)bare + 2));
            EXPECT(KWS_OK, kws_network_reset(&kws_model_network, bare));
            EXPECT(KWS_ERROR_ARGUMENT, kws_network_run(NULL, bare, x, &y));
            EXPECT(KWS_ERROR_ARGUMENT, kws_network_run(&kws_model_network, NULL, x, &y));
            EXPECT(KWS_ERROR_ARGUMENT, kws_network_run(&kws_model_network, bare, NULL, &y));
            EXPECT(KWS_ERROR_ARGUMENT, kws_network_run(&kws_model_network, bare, x, NULL));
            EXPECT(KWS_ERROR_ALIGNMENT, kws_network_run(&kws_model_network, (char *)bare + 2, x, &y));
            EXPECT(KWS_OK, kws_network_run(&kws_model_network, bare, x, &y));
            puts(kws_error_name(KWS_ERROR_MEMORY));
            puts(kws_error_name(-99));
            return 0;
        }
        """)
    sources = [*tmp_path.glob("*.c"), *tmp_path.glob("src/**/*.c")]
    program = tmp_path / "program"
    subprocess.run(["cc", "-std=c99", "-I", tmp_path, "-I", tmp_path / "include", *sources, "-o", program], check=True)
    result = subprocess.run([program], check=False, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, "KWS_ERROR_MEMORY\nnot a code of kws\n")


@needs("cc")
def test_two_spotters_do_not_disturb_each_other(tmp_path):
    codegen.export(spotting_model(1), tmp_path)
    codegen.copy_library(tmp_path)
    (tmp_path / "main.c").write_text("""
        #include "kws/kws.h"
        #include "kws_model.h"
        #include "kws_vectors.h"
        static kws_word memory[2][KWS_MODEL_SPOTTER_WORDS];
        static unsigned frames[2];
        /* Up to `most` samples of the vectors, from the place where this spotter is. */
        static int feed(kws_spotter *spotter, int which, const int16_t **pcm, size_t most) {
            while (most > 0) {
                kws_result result;
                const int32_t used = kws_spotter_process(spotter, *pcm, most, &result);
                if (used <= 0) return 1;
                for (size_t i = 0; result.posteriors && i < KWS_MODEL_LABELS; i++)
                    if (result.posteriors[i] != kws_vectors_posteriors[frames[which]][i]) return 2;
                frames[which] += result.posteriors != NULL;
                *pcm += used;
                most -= (size_t)used;
            }
            return 0;
        }
        int main(void) {
            const size_t lead = 3 * KWS_MODEL_HOP + 17;
            const int16_t *pcm[2] = {kws_vectors_pcm, kws_vectors_pcm};
            kws_spotter *spotters[2];
            for (int i = 0; i < 2; i++)
                if (kws_spotter_init(&spotters[i], &kws_model_data, memory[i], sizeof memory[i])) return 3;
            if (feed(spotters[0], 0, &pcm[0], lead)) return 4;
            for (size_t at = 0; at + 100 <= KWS_VECTORS_SAMPLES - lead; at += 100)
                for (int i = 0; i < 2; i++)
                    if (feed(spotters[i], i, &pcm[i], 100)) return 5;
            return frames[0] > frames[1] && frames[1] > 10 ? 0 : 6;
        }
        """)
    sources = [*tmp_path.glob("*.c"), *tmp_path.glob("src/**/*.c")]
    program = tmp_path / "program"
    subprocess.run(["cc", "-std=c99", "-I", tmp_path, "-I", tmp_path / "include", *sources, "-o", program], check=True)
    assert subprocess.run([program], check=False).returncode == 0


def test_labels_become_identifiers(tmp_path):
    model = spotting_model(1, words=("turn on", 'say "hi"', "größe", "naïve"))
    codegen.export(model, tmp_path)
    text = (tmp_path / "kws_model.h").read_text()
    assert "KWS_LABEL_TURN_ON = 2," in text
    assert "KWS_LABEL_SAY_HI = 3," in text
    source = (tmp_path / "kws_model.c").read_text()
    assert '"say \\"hi\\""' in source
    assert source.isascii()
    assert identifier("???") == "LABEL"


def test_vectors_are_lively(tmp_path):
    """Vectors whose answers never change would prove nothing on a board."""
    model = spotting_model(1)
    codegen.export(model, tmp_path)
    text = (tmp_path / "kws_vectors.c").read_text()
    rows = text.partition("kws_vectors_posteriors")[2].count("{") - 1
    assert rows == 24
    assert len(set(text.partition("kws_vectors_posteriors")[2].splitlines())) > 10


def test_weight_bytes_counts_what_is_emitted():
    network = spotting_model(1, units=(32,)).network
    # 4 gates x (40 + 32 weights + 2 int32 biases) x 32 units, 6 x (32 weights + 1 bias), and the softmax's exponentials
    exponentials = len(network.layers[-1].kernel.exponentials)
    assert network.weight_bytes == 4 * 32 * (40 + 32 + 8) + 6 * (32 + 4) + 4 * exponentials
    assert 1 < exponentials <= 256


def test_a_threshold_a_word():
    detector = DetectorConfig(4, 0.5, 7, (0.25, 1.0, 0.5))
    model = spotting_model(1, words=("yes", "no", "up"), detector=detector)
    source = model_source(model, NetworkSource(model.network))
    assert "uint16_t decision_threshold_sums[3] = {\n    256, 1020, 512,\n};" in source
    assert "KWS_MEMBER(threshold_sums) decision_threshold_sums," in source


@needs("cc")
def test_another_version_of_the_library_is_refused(tmp_path):
    codegen.export(spotting_model(1), tmp_path)
    codegen.copy_library(tmp_path)
    header = tmp_path / "include/kws/model.h"
    text, changes = re.subn(r"(#define KWS_MODEL_FORMAT) \d+", r"\1 1", header.read_text())
    assert changes == 1
    header.write_text(text)
    command = ["cc", "-std=c99", "-I", tmp_path / "include", "-c", tmp_path / "kws_model.c", "-o", tmp_path / "x.o"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "exported for another version of the kws library" in done.stderr


def test_emit():
    assert emit.number(-(2**31)) == "(-2147483647 - 1)"
    assert emit.string("é") == '"\\303\\251"'
    assert "* /" in emit.comment("a */ b")
    text = emit.array("int8_t", "x", np.arange(4, dtype=np.int8).reshape(2, 2), align=4)
    assert text == "KWS_ALIGNED(4) static const int8_t x[2][2] = {\n    {0, 1},\n    {2, 3},\n};"


def test_examples_in_docstrings():
    assert doctest.testmod(emit).attempted >= 2
    assert doctest.testmod(emit).failed == 0


@needs("cc")
def test_files_of_two_exports_do_not_mix(tmp_path):
    codegen.export(spotting_model(1), tmp_path / "a")
    codegen.export(spotting_model(2), tmp_path / "b")
    (tmp_path / "a/kws_model.h").write_text((tmp_path / "b/kws_model.h").read_text())
    include = f"-I{firmware.sources_dir() / 'include'}"
    command = ["cc", "-std=c99", include, "-c", tmp_path / "a/kws_model.c", "-o", tmp_path / "x.o"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "of different exports" in done.stderr


def test_a_failed_export_leaves_nothing_half(tmp_path, monkeypatch):
    """The disk is full at one of the files: what was there before is untouched."""
    codegen.export(spotting_model(1), tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    write = Path.write_bytes

    def full(path, content):
        if "kws_vectors" in path.name:
            write(path, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(KwsError, match="cannot write"):
        codegen.export(spotting_model(2), tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
