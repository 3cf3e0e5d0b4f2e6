"""Parts of the C library with a harness of a test's own, as a shared library."""

from __future__ import annotations

import ctypes
import subprocess

from kws import firmware

STRICT = ("-Wall", "-Wextra", "-Werror")
CHECKED = ("-fsanitize=undefined", "-fno-sanitize-recover=all")


def compiled(folder, text, files, flags=(), includes=()):
    """The harness and files of the library, compiled and loaded.

    Args:
        folder: where to build.
        text: the harness in C.
        files: of the library, from its ``src``.
        flags: options of the compiler beside those that every harness has.
        includes: folders of headers beside the library's.
    """
    (folder / "harness.c").write_text(text)
    sources = firmware.sources_dir()
    own = [sources / "src" / file for file in files]
    headers = [f"-I{path}" for path in (sources / "include", sources / "src", *includes)]
    command = ["cc", "-std=c99", "-O2", "-shared", "-fPIC", *flags, *headers, folder / "harness.c", *own]
    subprocess.run([*command, "-o", folder / "harness.so"], check=True)
    return ctypes.CDLL(str(folder / "harness.so"))


def everything_but(*names):
    """The library's files, from its ``src``, but those that the harness includes itself."""
    source = firmware.sources_dir() / "src"
    return [path.relative_to(source) for path in sorted(source.glob("**/*.c")) if path.name not in names]
