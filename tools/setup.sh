#!/bin/sh
# Set up what the demo and the tests need: the distribution's packages, where they may be
# installed, and a virtual environment in .venv. Quick when there is nothing left to do.
#
#   tools/setup.sh [extras]      extras of pyproject.toml; default: dev (everything)
set -eu
cd "$(dirname "$0")/.."
extras=${1:-dev}

say() { printf '%s\n' "setup: $*" >&2; }

find_python() {
    for python in "${PYTHON:-}" python3.11 python3 python3.12 python3.13; do
        if [ -n "$python" ] && command -v "$python" >/dev/null 2>&1 &&
            "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s' "$python"
            return
        fi
    done
}

# A package is wanted when the program (or the file) that it brings is not there.
wanted=''
lost=''
want() { # want PACKAGES 'what is lost without them' PROGRAM
    command -v "$3" >/dev/null 2>&1 || { wanted="$wanted $1"; lost="$lost$3: $2
"; }
}
python=$(find_python)
[ -n "$python" ] || wanted="$wanted python3"
if [ -z "$python" ] || ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    wanted="$wanted python3-venv"
fi
want 'gcc libc6-dev' 'the C engine and the firmware checks are skipped' cc
want make 'nothing in C can be built' make
want 'gcc-arm-none-eabi libnewlib-arm-none-eabi' 'no firmware image is built or run' arm-none-eabi-gcc
want clang 'the firmware is not compiled with a second compiler' clang
want lld 'no model is compiled for browsers' wasm-ld
want qemu-system-arm 'the firmware is not booted' qemu-system-arm
want 'gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf' 'the packages are not compiled for RISC-V' riscv64-unknown-elf-gcc
want qemu-system-misc 'the packages are not run on RISC-V' qemu-system-riscv32
want qemu-user 'the library is not run on big-endian machines' qemu-s390x
want 'gcc-mips-linux-gnu libc6-dev-mips-cross' 'the library is not compiled for big-endian MIPS' mips-linux-gnu-gcc
want 'gcc-s390x-linux-gnu libc6-dev-s390x-cross' 'the library is not compiled for s390x' s390x-linux-gnu-gcc
want nodejs 'no image is run on the emulator rp2040js' node
want npm 'the emulator rp2040js is not installed' npm
want cmake 'the CMake package is not built' cmake
want g++ 'nothing is compiled as C++' c++
want ccache 'the tests compile the library again for each of their models' ccache
want tmux 'the view of kws listen is not tested on a terminal' tmux
want 'pulseaudio pulseaudio-utils libasound2-plugins' 'no microphone is opened in tests' pulseaudio
want cppcheck 'the C sources are not checked statically' cppcheck
[ -e /usr/share/doc/libportaudio2 ] || ls /usr/lib/*/libportaudio.so.2 >/dev/null 2>&1 || {
    wanted="$wanted libportaudio2"
    lost="${lost}libportaudio2: the microphone cannot be used
"
}

as_root=''
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as_root='sudo -n'; else as_root=no; fi
fi
command -v apt-get >/dev/null 2>&1 || as_root=no
add() { # add PACKAGES
    # shellcheck disable=SC2086 # lists of words
    { $as_root apt-get update -q && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -q -y --no-install-recommends $1; } >&2
}
if [ -n "$wanted" ]; then
    if [ "$as_root" != no ]; then
        say "installing$wanted"
        add "$wanted" || say "the packages could not be installed; going on without them"
    else
        say "cannot install packages here (no root, no password-less sudo, or no apt-get); missing:$wanted"
        [ -z "$lost" ] || printf '%s' "$lost" | while IFS= read -r line; do say "without $line"; done
    fi
    python=$(find_python)
fi
# By itself: not every distribution has it as a package, and one that is unknown keeps apt-get from installing any.
if [ "$extras" = dev ] && ! command -v chromium >/dev/null 2>&1; then
    if [ "$as_root" != no ]; then
        say 'installing chromium'
        add chromium || say 'without chromium: the page is not tested in a browser'
    else
        say 'without chromium: the page is not tested in a browser'
    fi
fi
[ -n "$python" ] || { say 'Python 3.11 or newer is needed; install it and try again'; exit 1; }

# Installing again is needed only when what is to be installed has changed.
stamp=.venv/.kws-installed
key="$extras $(cksum <pyproject.toml) $(pwd)"
if [ ! -x .venv/bin/python ] || [ ! -x .venv/bin/kws ] || [ "$(cat "$stamp" 2>/dev/null)" != "$key" ]; then
    say "installing kws[$extras] and what it needs into .venv (TensorFlow is large; this takes some minutes)"
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[$extras]" >&2
    printf '%s' "$key" >"$stamp"
fi

# An emulator of the RP2040 that others wrote, for one slow test; nothing else needs it.
emulator=tests/boards/rp2040js
if [ "$extras" = dev ] && [ ! -d "$emulator/node_modules/rp2040js" ] && command -v npm >/dev/null 2>&1; then
    npm install --prefix "$emulator" --no-package-lock --no-audit --no-fund --silent >&2 ||
        say 'rp2040js could not be installed; going on without it'
fi

# What judges the pages of kws studio, for its slow test.
axe=tests/studio/axe
if [ "$extras" = dev ] && [ ! -d "$axe/node_modules/axe-core" ] && command -v npm >/dev/null 2>&1; then
    npm install --prefix "$axe" --no-package-lock --no-audit --no-fund --silent >&2 ||
        say 'axe-core could not be installed; going on without it'
fi
