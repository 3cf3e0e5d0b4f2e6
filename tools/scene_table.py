"""Write what models did in the room and on the desk as a Markdown table, from reports of kws stream-test.

    kws stream-test models/commands12.tflite --data ... --speech ... --noise ... --rooms ... --json room.json
    python tools/scene_table.py commands12=room.json commands12-tiny=tiny.json

A column is a model. False accepts are per hour, with the count and in brackets the 95 % limit of the rate; words are
those at 10 dB or better, at the model's own settings.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def table(reports: Mapping[str, dict[str, Any]]) -> str:
    """Markdown of reports, by name, that are all of one scene."""
    lines = ["| | " + " | ".join(reports) + " |", "|---" * (1 + len(reports)) + "|"]

    def row(name: str, cells: list[str]) -> None:
        lines.append(f"| {name} | " + " | ".join(cells) + " |")

    first = next(iter(reports.values()))
    own = [r["own_settings_at_10_db_or_better"] for r in reports.values()]
    for i, source in enumerate(s["name"] for s in first["by_source"]):
        found = [r["by_source"][i] for r in reports.values()]
        hours = f"{found[0]['hours']:.1f} h, {found[0]['different_hours']:.2f} different"
        row(f"false accepts per hour, {source} ({hours})", [_rate(s) for s in found])
    row("false accepts per hour, all", [f"{o['false_accepts_per_hour']:.1f} ({o['false_accepts']})" for o in own])
    row("missed", [_share(o["misses"], o["said"]) for o in own])
    row("late", [_share(o["late"], o["said"]) for o in own])
    for i, snr in enumerate(s["snr_db"] for s in first["by_snr"]):
        heard = [r["by_snr"][i] for r in reports.values()]
        name = "clean" if snr == "clean" else f"{snr:g} dB"
        row(f"missed, {name}", [_share(h["misses"], h["said"]) for h in heard])
    row("latency, median", ["-" if (ms := o["latency_median_ms"]) is None else f"{ms:.0f} ms" for o in own])
    return "\n".join(lines)


def _rate(source: dict[str, Any]) -> str:
    rate, most = source["false_accepts_per_hour"], source["at_most_per_hour"]
    return "-" if rate is None else f"{rate:.1f} ({source['false_accepts']}; at most {most:.1f})"


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} % ({count} of {total})" if total else "-"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="+", metavar="NAME=FILE.json")
    named = [text.partition("=") for text in parser.parse_args().reports]
    print(table({name: json.loads(Path(file).read_text(encoding="utf-8")) for name, _, file in named}))


if __name__ == "__main__":
    main()
