"""Building packages as their builders would, and running what comes out."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import kconfiglib
import numpy as np
import numpy.typing as npt
import pytest
from detection_lines import detection_lines
from random_models import spotting_model

from kws.codegen import packages
from kws.engines.numpy_engine import NumpyEngine
from kws.model.file import Model

STAND_INS = Path(__file__).parent / "stand_ins"
STRICT = ["-Wall", "-Wextra", "-Wshadow", "-Werror"]
NANO = "-DARDUINO_ARCH_NRF52840"
"""What the core for the Nano 33 BLE Sense defines."""
LIBRARY_STRICT = [*STRICT, "-pedantic", "-Wconversion"]


def needs_program(*programs: str):
    """Skip, saying why, where a program that only these tests use is not installed."""
    missing = [name for name in programs if shutil.which(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def run(*command: object, cwd: Path | None = None, **more) -> subprocess.CompletedProcess:
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, check=False, timeout=120, **more)
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}: {said[-3000:]}"
    return done


@functools.cache
def random_model() -> Model:
    return spotting_model(6, units=(32,), words=("yes", "no", 'say "hi"', "down"))


def exporter(tmp_path_factory) -> Callable[[str], Path]:
    """A function that exports a package of the random model, once a kind."""
    made: dict[str, Path] = {}

    def get(kind: str) -> Path:
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp("packages") / kind
            packages.export_package(random_model(), kind, made[kind])
        return made[kind]

    return get


@functools.cache
def noises() -> npt.NDArray[np.int16]:
    """Twelve seconds of noise and tones of changing loudness: what a random network has opinions on."""
    rng = np.random.default_rng(11)
    n = np.arange(12 * 16000)
    loudness = 10 ** rng.uniform(-3, 0, 48).repeat(4000)
    tone = np.sin(2 * np.pi * np.cumsum(rng.uniform(100, 4000, 48).repeat(4000)) / 16000)
    noise = rng.normal(0, 0.4, len(n))
    return np.clip(32767 * loudness * np.where(n // 8000 % 2, tone, noise), -32768, 32767).astype(np.int16)


@functools.cache
def detections() -> list[dict]:
    """What the harness detects in the noises, as the examples report it."""
    found = detection_lines(random_model().require_info(), NumpyEngine(random_model()).process(noises()).detections)
    assert len(found) > 8
    assert 'say "hi"' in {f["word"] for f in found}
    return found


def heard(output: bytes) -> list[dict]:
    return [json.loads(line) for line in output.decode().splitlines()]


def compile_all(program: Path, sources: list[Path], *flags: object, compiler: str = "cc", std: str = "c99") -> Path:
    """Compile C as C, and C++ as C++, and link."""
    objects = []
    program.parent.mkdir(parents=True, exist_ok=True)
    for i, source in enumerate(sources):
        objects.append(program.with_suffix(f".{i}.o"))
        plus = source.suffix in (".cpp", ".ino")
        how = ["c++", "-std=gnu++14", "-x", "c++"] if plus else [compiler, f"-std={std}"]
        run(*how, *flags, "-c", source, "-o", objects[-1])
    run("c++" if any(s.suffix in (".cpp", ".ino") for s in sources) else compiler, *objects, "-o", program)
    return program


def arduino_program(library: Path, sketch: Path, program: Path) -> Path:
    """As the Arduino builder does: all below src and in the sketch's folder, only src on the path."""
    ino = next(sketch.glob("*.ino"))
    (program.parent / "sketch.cpp").write_text(f"#include <Arduino.h>\n{ino.read_text()}")
    sources = [*library.glob("src/**/*.c"), *sketch.glob("*.c"), program.parent / "sketch.cpp"]
    flags = [*STRICT, NANO, "-I", STAND_INS / "arduino", "-I", library / "src", "-I", sketch]
    return compile_all(program, [*sources, STAND_INS / "arduino/board.cpp"], *flags, std="gnu11")


def platformio_program(library: Path, project: Path, program: Path) -> Path:
    """As PlatformIO does: include and src of the library, src of the project."""
    sources = [*library.glob("src/**/*.c"), *project.glob("src/*.c*")]
    places = (STAND_INS / "arduino", library / "include", library / "src", project / "src")
    flags = [*STRICT, NANO, *(f"-I{place}" for place in places)]
    return compile_all(program, [*sources, STAND_INS / "arduino/board.cpp"], *flags, std="gnu11")


def zephyr_program(module: Path, sample: Path, program: Path) -> Path:
    """The sources that the module's and the sample's CMake files name."""
    sources = [module / "zephyr" / line for line in sources_in((module / "zephyr/CMakeLists.txt").read_text())]
    sources += [sample / name for name in sources_in((sample / "CMakeLists.txt").read_text())]
    places = (STAND_INS / "zephyr", module / "include", module / "model", module / "src")
    flags = [*STRICT, "-DCONFIG_SOC_NRF52840=1", *(f"-I{p}" for p in places)]
    return compile_all(program, [*sources, STAND_INS / "zephyr/board.c"], *flags, std="gnu11")


def esp_idf_program(component: Path, project: Path, program: Path) -> Path:
    """The sources that the component files name; settings from the project's Kconfig."""
    main = project / "main"
    sources = [component / name for name in sources_in((component / "CMakeLists.txt").read_text())]
    sources += [main / name for name in sources_in((main / "CMakeLists.txt").read_text())]
    program.parent.mkdir(parents=True, exist_ok=True)
    header = program.parent / "sdkconfig.h"
    header.write_text("")
    if (main / "Kconfig.projbuild").is_file():
        kconfiglib.Kconfig(str(main / "Kconfig.projbuild"), warn_to_stderr=False).write_autoconf(str(header))
    places = (STAND_INS / "esp-idf", program.parent, component / "include", component / "model", component / "src")
    return compile_all(
        program, [*sources, STAND_INS / "esp-idf/board.c"], *STRICT, *(f"-I{p}" for p in places), std="gnu17"
    )


def sources_in(cmake: str) -> list[str]:
    words = (word.strip('"()').removeprefix("${CMAKE_CURRENT_LIST_DIR}/") for word in cmake.split())
    return [word for word in words if word.endswith(".c")]
