"""Read TFLM's 256-entry sigmoid table off the installed tflite-micro package.

The table that the 16-bit sigmoid and tanh interpolate in is not ``round(65536 / (1 +
exp(-i / 24)))``: some entries differ by one. An int16 TANH at input scale 2/12288 doubles its
input, so the inputs ``128 * i`` hit the table's nodes and the output is ``entry - 32768``.
Entry 255 is only ever interpolated towards and is 65535 by its definition.

Run ``python tools/read_sigmoid_table.py --write`` to write the table's two homes,
``kws/fixedpoint/sigmoid_table.py`` and ``firmware/src/sigmoid_table.h``; without ``--write`` it
says whether they agree with the package (exit code 1 if not).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from kws.tflite import Graph, Operator, Tensor, build

ROOT = Path(__file__).resolve().parent.parent
HOMES = (ROOT / "kws/fixedpoint/sigmoid_table.py", ROOT / "firmware/src/sigmoid_table.h")


def read_table() -> list[int]:
    """The table's 256 entries, uint16."""
    from tflite_micro.python.tflite_micro import runtime

    def tensor(name: str, scale: float) -> Tensor:
        return Tensor(name, (255,), np.dtype(np.int16), np.array([scale], np.float32), np.zeros(1, np.int64))

    graph = Graph([tensor("x", 2 / 12288), tensor("y", 2**-15)], [Operator("TANH", (0,), (1,))], (0,), (1,))
    interpreter = runtime.Interpreter.from_bytes(build(graph))
    interpreter.set_input((128 * np.arange(255)).astype(np.int16), 0)
    interpreter.invoke()
    return [int(v) + 32768 for v in interpreter.get_output(0)] + [65535]


def texts(table: list[int]) -> tuple[str, str]:
    """The Python and the C file that hold the table."""
    rows = [", ".join(str(v) for v in table[i : i + 12]) for i in range(0, 256, 12)]
    python = (
        '"""The sigmoid table of TFLM\'s 16-bit activations; written by tools/read_sigmoid_table.py."""\n\n'
        "# fmt: off\nSIGMOID_TABLE = (\n" + "".join(f"    {row},\n" for row in rows) + ")\n"
    )
    # For the board the table goes on to both sides of zero, as tanh(i / 48): no sign to treat apart.
    half = [v - 32768 for v in [*table, table[-1]]]
    signed = [-v for v in half[:0:-1]] + half
    rows = [", ".join(str(v) for v in signed[i : i + 14]) for i in range(0, len(signed), 14)]
    c = (
        "/*\n * The sigmoid table of TFLM's 16-bit activations less 32768, entries -256 to 256, those below zero\n"
        " * being the others' negatives; written by tools/read_sigmoid_table.py.\n */\n"
        "#ifndef KWS_SIGMOID_TABLE_H\n#define KWS_SIGMOID_TABLE_H\n\n#include <stdint.h>\n\n"
        "#define KWS_SIGMOID_CENTRE 256\n\n"
        "static const int16_t kws_sigmoid_table[513] = {\n"
        + "".join(f"    {row},\n" for row in rows)
        + "};\n\n#endif\n"
    )
    return python, c


def main() -> int:
    """Compare or write the two files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--write", action="store_true", help="write the two files instead of comparing them")
    arguments = parser.parse_args()
    stale = False
    for home, text in zip(HOMES, texts(read_table()), strict=True):
        if arguments.write:
            home.write_text(text, encoding="utf-8")
            print(f"wrote {home.relative_to(ROOT)}")
        elif not home.exists() or home.read_text(encoding="utf-8") != text:
            print(f"{home.relative_to(ROOT)} differs from the installed package; run with --write and review")
            stale = True
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
