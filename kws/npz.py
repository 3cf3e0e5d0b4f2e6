"""NumPy's files, which a disk or a copy may have damaged anywhere."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib

DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    MemoryError,
    OverflowError,
    RuntimeError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What reading one may raise: NumPy and zipfile pass on whatever a wrong byte of a header leads to."""
