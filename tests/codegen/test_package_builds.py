"""The plain and the CMake package: built and run here, on emulated cores, and from C++."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from building import LIBRARY_STRICT, detections, exporter, heard, needs_program, noises, random_model, run
from conftest import needs
from random_models import bare_model, spotting_model, wake_model

from kws import codegen, firmware
from kws.codegen import packages
from kws.decisions import CtcBeamConfig, CtcConfig, DetectorConfig, GrammarConfig, Phrase
from kws.model.file import Model, with_gate
from kws.voice_gate import VoiceGateConfig

pytestmark = needs("make", "cc")
GRAMMAR = GrammarConfig(phrases=(Phrase(("yes", "no")),))


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return exporter(tmp_path_factory)


# ---- plain ----


def test_plain(package, tmp_path):
    make = ["make", "-C", package("plain"), f"BUILD={tmp_path}", f"CFLAGS=-O2 {' '.join(LIBRARY_STRICT)}"]
    run(*make, "all")
    assert b"24 of 24 frames, 0 differences: PASS" in run(*make, "test").stdout
    assert heard(run(tmp_path / "spotter", input=noises().tobytes()).stdout) == detections()


@pytest.mark.slow
def test_plain_self_test_fails_on_a_wrong_byte(tmp_path):
    packages.export_package(random_model(), "plain", tmp_path)
    vectors = tmp_path / "examples/selftest/kws_vectors.c"
    head, _, tail = vectors.read_text().partition("kws_vectors_features[")
    first = tail.index("{", tail.index("{") + 1) + 1
    vectors.write_text(f"{head}kws_vectors_features[{tail[:first]}1 + {tail[first:]}")
    done = subprocess.run(["make", "-C", tmp_path, "test"], capture_output=True, check=False)
    assert done.returncode != 0
    assert b"1 differences: FAIL" in done.stdout


CROSS = {
    "cortex-m0plus": ("arm-none-eabi-", "-mcpu=cortex-m0plus -mthumb"),
    "cortex-m4": ("arm-none-eabi-", "-mcpu=cortex-m4 -mthumb"),
    "cortex-m7": ("arm-none-eabi-", "-mcpu=cortex-m7 -mthumb -mfpu=fpv5-d16 -mfloat-abi=hard"),
    "cortex-m33": ("arm-none-eabi-", "-mcpu=cortex-m33 -mthumb"),
    "cortex-m55": ("arm-none-eabi-", "-mcpu=cortex-m55 -mthumb -mfloat-abi=hard"),
    "rv32imac": ("riscv64-unknown-elf-", "-march=rv32imac -mabi=ilp32"),
    "rv32e": ("riscv64-unknown-elf-", "-march=rv32emac -mabi=ilp32e"),
}


@pytest.mark.slow
@pytest.mark.parametrize("core", CROSS)
def test_plain_library_for_other_cores(package, tmp_path, core):
    prefix, flags = CROSS[core]
    if shutil.which(f"{prefix}gcc") is None:
        pytest.skip(f"not installed: {prefix}gcc")
    # The distribution's RISC-V compiler comes without a C library's headers; picolibc has them.
    flags += " --specs=picolibc.specs" if prefix.startswith("riscv") else ""
    make = ["make", "-C", package("plain"), f"BUILD={tmp_path}", f"CROSS_COMPILE={prefix}"]
    run(*make, f"CFLAGS=-O2 {flags} {' '.join(LIBRARY_STRICT)}", "library")
    undefined = run(f"{prefix}nm", "-u", tmp_path / "libkws.a").stdout.decode().split()
    outside = {name for name in undefined if not name.startswith(("kws_", "__", "U")) and not name.endswith(":")}
    assert outside <= {"memcpy", "memmove", "memset"}


def emulated(package: Path, build: Path, prefix: str, flags: str, linker: str, emulator: str) -> bytes:
    """What the self-test says that was compiled for another processor and run in an emulator."""
    run_ = f"RUN=timeout 60 {emulator} -nographic -semihosting-config enable=on,target=native -kernel"
    make = ["make", "-C", package, f"BUILD={build}", f"CROSS_COMPILE={prefix}", f"CFLAGS=-O2 {flags}"]
    done = run(*make, f"LDFLAGS={linker}", run_, "test", stdin=subprocess.DEVNULL)
    return done.stdout + done.stderr  # QEMU has characters that come one by one on standard error


@pytest.mark.slow
@needs_program("riscv64-unknown-elf-gcc", "qemu-system-riscv32")
def test_plain_on_an_emulated_risc_v(package, tmp_path):
    places = {"flash": "0x80000000", "flash_size": "0x200000", "ram": "0x80200000", "ram_size": "0x200000"}
    said = emulated(
        package("plain"),
        tmp_path,
        "riscv64-unknown-elf-",
        "-march=rv32imac -mabi=ilp32 --specs=picolibc.specs",
        "--oslib=semihost --crt0=hosted " + " ".join(f"-Wl,--defsym=__{k}={v}" for k, v in places.items()),
        "qemu-system-riscv32 -M virt -bios none",
    )
    assert b"24 of 24 frames, 0 differences: PASS" in said


@pytest.mark.slow
@needs_program("arm-none-eabi-gcc", "qemu-system-arm")
@pytest.mark.parametrize(("core", "machine"), [("m3", "mps2-an385"), ("m4", "mps2-an386"), ("m7", "mps2-an500")])
def test_plain_on_an_emulated_arm(package, tmp_path, core, machine):
    source = tmp_path / "vectors.c"
    source.write_text(
        'void _start(void);\n__attribute__((section(".vectors"), used)) void (*const vectors[])(void) = '
        "{(void (*)(void))0x00300000, _start};\n"
    )
    flags = f"-mcpu=cortex-{core} -mthumb --specs=rdimon.specs"
    run("arm-none-eabi-gcc", *flags.split(), "-c", source, "-o", tmp_path / "vectors.o")
    linker = f"{tmp_path / 'vectors.o'} -Wl,--undefined=vectors,--section-start=.vectors=0"
    said = emulated(package("plain"), tmp_path, "arm-none-eabi-", flags, linker, f"qemu-system-arm -M {machine}")
    assert b"24 of 24 frames, 0 differences: PASS" in said


# ---- CMake ----


@pytest.mark.slow
@needs_program("cmake", "ctest", "c++")
def test_cmake(package, tmp_path):
    build, prefix = tmp_path / "build", tmp_path / "installed"
    flags = f"-DCMAKE_C_FLAGS={' '.join(LIBRARY_STRICT)}"
    run("cmake", "-S", package("cmake"), "-B", build, flags, "-DCMAKE_BUILD_TYPE=Release")
    run("cmake", "--build", build)
    assert b"100% tests passed, 0 tests failed out of 1" in run("ctest", "--test-dir", build).stdout
    assert heard(run(build / "examples/spotter", input=noises().tobytes()).stdout) == detections()
    run("cmake", "--install", build, "--prefix", prefix)
    # A user's program in C++, once with the installed package and once with its sources.
    user = tmp_path / "user"
    user.mkdir()
    (user / "main.cpp").write_text(
        "#include <kws_model.h>\n#include <cstdio>\nstatic kws_word memory[KWS_MODEL_SPOTTER_WORDS];\n"
        "int main() {\n    kws_spotter *spotter;\n"
        "    std::puts(kws_error_name(kws_spotter_init(&spotter, &kws_model_data, memory, sizeof memory)));\n}\n"
    )
    for name, how in (
        ("installed", f"find_package(kws 0.1 REQUIRED PATHS {prefix} NO_DEFAULT_PATH)"),
        ("sources", f"add_subdirectory({package('cmake')} kws)"),
    ):
        (user / "CMakeLists.txt").write_text(
            f"cmake_minimum_required(VERSION 3.13)\nproject(user)\n{how}\nadd_executable(user main.cpp)\n"
            "target_link_libraries(user PRIVATE kws::model)\n"
        )
        run("cmake", "-S", user, "-B", tmp_path / name / "build")
        run("cmake", "--build", tmp_path / name / "build")
        assert run(tmp_path / name / "build/user").stdout == b"KWS_OK\n"
        assert not list((tmp_path / name).rglob("selftest*"))


@pytest.mark.slow
@needs_program("cmake")
@pytest.mark.parametrize("core", ["cortex-m4", "rv32imac"])
def test_cmake_for_other_cores(package, tmp_path, core):
    prefix, flags = CROSS[core]
    if shutil.which(f"{prefix}gcc") is None:
        pytest.skip(f"not installed: {prefix}gcc")
    flags += " --specs=picolibc.specs" if prefix.startswith("riscv") else ""
    (tmp_path / "toolchain.cmake").write_text(
        f'set(CMAKE_SYSTEM_NAME Generic)\nset(CMAKE_C_COMPILER {prefix}gcc)\nset(CMAKE_C_FLAGS_INIT "{flags}")\n'
        "set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)\n"
    )
    tools = f"-DCMAKE_TOOLCHAIN_FILE={tmp_path / 'toolchain.cmake'}"
    run("cmake", "-S", package("cmake"), "-B", tmp_path / "build", tools, "-DKWS_BUILD_EXAMPLES=OFF")
    run("cmake", "--build", tmp_path / "build")
    assert (tmp_path / "build/libkws_model.a").is_file()


# ---- ESP-IDF ----

REGISTER = """
macro(idf_component_register)
    cmake_parse_arguments(_ "" "" "SRCS;INCLUDE_DIRS;PRIV_INCLUDE_DIRS;REQUIRES;PRIV_REQUIRES" ${ARGN})
    foreach(path IN LISTS __SRCS __INCLUDE_DIRS __PRIV_INCLUDE_DIRS)
        get_filename_component(path "${path}" ABSOLUTE BASE_DIR "${component}")
        message("${path}")
    endforeach()
    return()
endmacro()
include("${component}/CMakeLists.txt")
"""


@needs_program("cmake")
@pytest.mark.parametrize("example", ["spotter", "selftest"])
def test_esp_idf_component_in_any_folder(tmp_path, example):
    """ESP-IDF reads a component's CMakeLists.txt as a script first, and takes paths from the component's folder."""
    root = tmp_path / "any name"
    packages.export_package(random_model(), "esp-idf", root)
    component = root / "examples" / example / "components/kws"
    (tmp_path / "expand.cmake").write_text(REGISTER)
    said = run("cmake", f"-Dcomponent={component}", "-P", tmp_path / "expand.cmake", cwd=tmp_path).stderr.decode()
    paths = [Path(line).resolve() for line in said.splitlines()]
    assert root / "src/spotter.c" in paths
    assert root / "model/kws_model.c" in paths
    assert {root / "include", root / "model", root / "src"} <= set(paths)
    assert all(path.exists() for path in paths)


# ---- headers ----


@needs_program("c++")
@pytest.mark.parametrize("standard", ["c++11", "c++17"])
def test_headers_are_cpp(package, tmp_path, standard):
    """Each header alone, strictly; generated constants are found by C++ under their C names."""
    source = tmp_path / "all.cpp"
    root = package("plain")
    headers = [p.relative_to(root / "include") for p in sorted(root.glob("include/kws/*.h"))]
    assert len(headers) >= 2
    for header in [*headers, "kws_model.h", "kws_vectors.h", "kws_selftest.h"]:
        source.write_text(f'#include "{header}"\nint main() {{ return 0; }}\n')
        places = [f"-I{root / p}" for p in ("include", "model", "examples/selftest")]
        run("c++", f"-std={standard}", "-fsyntax-only", *LIBRARY_STRICT, *places, source)
    for header in ("kws_model.h", "kws_vectors.h"):
        text = next(root.rglob(header)).read_text()
        assert text.index('extern "C"') < text.index("extern const")


@needs_program("c++")
@pytest.mark.parametrize("standard", ["c++11", "c++17"])
def test_generated_sources_are_cpp(package, tmp_path, standard):
    """Compiled as C++ without a warning, they hold the same constants: the self-test passes."""
    root, objects = package("plain"), []
    places = [f"-I{root / p}" for p in ("include", "model", "examples/selftest")]
    for name in ("model/kws_model.c", "examples/selftest/kws_vectors.c"):
        objects.append(tmp_path / f"{Path(name).stem}.o")
        as_cpp = ["c++", f"-std={standard}", *LIBRARY_STRICT, "-x", "c++", *places]
        run(*as_cpp, "-c", root / name, "-o", objects[-1])
    sources = [*root.glob("src/**/*.c"), root / "examples/selftest/main.c"]
    run("cc", "-std=c99", *places, *sources, *objects, "-o", tmp_path / "selftest")
    assert b"24 of 24 frames, 0 differences: PASS" in run(tmp_path / "selftest").stdout


@needs_program("c++")
@pytest.mark.parametrize("model_as", [("cc", "-std=c11"), ("c++", "-std=c++11", "-x", "c++")], ids=["c11", "c++11"])
def test_compilers_that_are_not_gnus(package, tmp_path, model_as):
    """What they have in place of GNU's attributes, C11 and C++11 say themselves."""
    root, objects = package("plain"), []
    places = [f"-I{root / p}" for p in ("include", "model", "examples/selftest")]
    sources = [(source, ("cc", "-std=c11")) for source in sorted(root.glob("src/**/*.c"))]
    for number, (source, how) in enumerate([*sources, (root / "model/kws_model.c", model_as)]):
        objects.append(tmp_path / f"{number}.o")
        run(*how, *LIBRARY_STRICT, "-U__GNUC__", *places, "-c", source, "-o", objects[-1])
    rest = [root / "examples/selftest" / name for name in ("main.c", "kws_vectors.c")]
    run("cc", "-std=c99", *places, *rest, *objects, "-o", tmp_path / "selftest")
    assert b"24 of 24 frames, 0 differences: PASS" in run(tmp_path / "selftest").stdout


@needs_program("c++")
@pytest.mark.parametrize("decision", [DetectorConfig(), GRAMMAR, CtcConfig(), CtcBeamConfig(), None])
def test_sizes_are_cpp(decision, tmp_path):
    """A C++ program that allows no cast of C may say how much memory there is."""
    model = wake_model() if decision is None else spotting_model(1, units=(4,), detector=decision)
    codegen.export(Model.from_bytes(with_gate(model, VoiceGateConfig(on=True)), "gated"), tmp_path)
    text = '#include "kws_model.h"\nkws_word memory[KWS_MODEL_SPOTTER_WORDS + KWS_MODEL_NETWORK_WORDS];\n'
    (tmp_path / "main.cpp").write_text(text)
    places = [f"-I{tmp_path}", f"-I{firmware.sources_dir() / 'include'}"]
    run("c++", "-std=c++11", "-fsyntax-only", *LIBRARY_STRICT, "-Wold-style-cast", *places, tmp_path / "main.cpp")


NETWORK_TEST = """
#include <string.h>
#include "kws_vectors.h"
static kws_word memory[KWS_MODEL_NETWORK_WORDS];
int main(void) {
    int wrong = kws_network_reset(&kws_model_network, memory) != KWS_OK;
    for (unsigned i = 0; i < KWS_VECTORS_CALLS; i++) {
        const int8_t *y;
        wrong |= kws_network_run(&kws_model_network, memory, kws_vectors_input[i], &y) != KWS_OK;
        wrong |= memcmp(y, kws_vectors_output[i], KWS_MODEL_OUTPUT_SIZE) != 0;
    }
    return wrong;
}
"""


@needs_program("c++")
@pytest.mark.parametrize("network", [{"head": "last", "steps": 5}, {"head": "logistic", "steps": 3}])
def test_every_layer_is_cpp(tmp_path, network):
    """In C++ the order of the members alone counts, of every kind of layer."""
    codegen.export(bare_model(3, units=(6,), inputs=5, **network), tmp_path)
    codegen.copy_library(tmp_path)
    (tmp_path / "main.c").write_text(NETWORK_TEST)
    places = [f"-I{tmp_path}", f"-I{tmp_path / 'include'}"]
    as_cpp = ["c++", "-std=c++11", *LIBRARY_STRICT, "-x", "c++", *places]
    run(*as_cpp, "-c", tmp_path / "kws_model.c", "-o", tmp_path / "kws_model.o")
    sources = [*tmp_path.glob("src/**/*.c"), tmp_path / "kws_vectors.c", tmp_path / "main.c"]
    run("cc", "-std=c99", *places, *sources, tmp_path / "kws_model.o", "-o", tmp_path / "program")
    run(tmp_path / "program")
