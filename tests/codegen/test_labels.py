"""Labels of any kind in the generated C and in the packages: compiled strictly, and heard as they are."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
import yaml
from conftest import needs
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import spotting_model

from kws import codegen, emit
from kws.codegen.packages import KINDS, export_package
from kws.codegen.spotting import _label_enum

STRICT = ("-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-Wtrigraphs", "-Wcomment", "-Wformat")
WORDS = (
    "a b", "a-b", "A_B_2", "a b!", "??/", "???/?", "what??", "??=??(??)", "back\\slash", "\\", 'say "hi"', "*/", "/*",
    "//", "%s%n", "größe", "да", "\N{GRINNING FACE}", "w" * 240, "ж" * 200, "1st", "$x$", "#define", "@{ words }@", "'",
    "`x`", "[/bold]", "a\N{LINE SEPARATOR}", "int", "0x41", "7", "\u200d",
)  # fmt: skip
MODEL = spotting_model(1, units=(8,), words=WORDS)


def constants(header: str) -> list[str]:
    return re.findall(r"^    (KWS_LABEL_\w+) = \d+,?$", header, flags=re.MULTILINE)


@needs("cc")
@pytest.mark.parametrize("standard", ["-std=c99", "-std=gnu11"])
def test_labels_are_what_c_says_they_are(tmp_path, standard):
    """Compiled as the strictest of users would; the program prints every label, which must come back."""
    codegen.export(MODEL, tmp_path)
    codegen.copy_library(tmp_path)
    header = (tmp_path / "kws_model.h").read_text(encoding="utf-8")
    assert len(set(constants(header))) == len(WORDS) + 2
    (tmp_path / "main.c").write_text(
        """
        #include <stdio.h>
        #include "kws_model.h"
        int main(void)
        {
            for (unsigned i = 0; i < KWS_MODEL_LABELS; i++) {
                if (puts(kws_model_data.labels[i]) < 0) return 1;
            }
            return 0;
        }
        """,
        encoding="utf-8",
    )
    sources = [tmp_path / "main.c", tmp_path / "kws_model.c", *tmp_path.glob("src/**/*.c")]
    flags = [*STRICT, standard, "-I", tmp_path, "-I", tmp_path / "include"]
    subprocess.run(["cc", *flags, *sources, "-o", tmp_path / "program"], check=True)
    said = subprocess.run([tmp_path / "program"], capture_output=True, check=True).stdout
    assert said.decode().split("\n")[:-1] == list(MODEL.info.labels)


@given(st.lists(st.text("ab_-2 1", min_size=1, max_size=5), min_size=1, max_size=20))
@settings(max_examples=300)
def test_no_two_labels_share_a_constant(labels):
    class Info:
        pass

    info = Info()
    info.names = tuple(labels)
    assert len(set(constants(_label_enum(info)))) == len(labels)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_strings_are_ascii_without_trigraphs(text):
    written = emit.string(text)
    assert written.isascii()
    assert written.isprintable()
    assert "??" not in written
    octal = re.sub(
        r"\\([0-7]{3})",
        lambda m: chr(int(m[1], 8)),
        re.sub(r"\\([\"\\?])", lambda m: f"\\{ord(m[1]):03o}", written[1:-1]),
    )
    assert octal.encode("latin-1").decode() == text


@pytest.mark.parametrize("kind", KINDS)
def test_packages_with_any_label(kind, tmp_path):
    export_package(MODEL, kind, tmp_path)
    for path in tmp_path.rglob("*"):
        if path.suffix in (".yml", ".yaml"):
            yaml.safe_load(path.read_text(encoding="utf-8"))
        elif path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix in (".c", ".h"):
            assert "??" not in path.read_text(encoding="utf-8")
    if kind == "arduino":
        lines = (tmp_path / "library.properties").read_text(encoding="utf-8").split("\n")
        assert all("=" in line for line in lines if line)
