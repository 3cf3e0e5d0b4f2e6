"""The project's settings and runs, and the models that come with kws, as a page shows them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from kws import config, runs
from kws.config import Experiment
from kws.errors import KwsError
from kws.files import parse_json
from kws.model.file import Model
from kws.project import COMMANDS, CONFIG
from kws.shipped import models, starts
from kws.studio.safe import Refused, run_name

_BOARD = re.compile(r"^kws build (\S+) --model", re.MULTILINE)


def find(root: Path, value: object) -> Path:
    """A model to start from or to hear with: ``shipped:NAME``, or ``runs/NAME``.

    Raises:
        Refused: there is none.
    """
    if isinstance(value, str) and value.startswith("shipped:"):
        path = models().get(value.removeprefix("shipped:"))
        if path is not None:
            return path
    elif isinstance(value, str) and value.startswith("runs/"):
        folder = root / "runs" / run_name(value.removeprefix("runs/"))
        if (folder / runs.MODEL).exists():
            return folder
    raise Refused(404, "there is no such model; choose one of the list")


def experiment(root: Path) -> Experiment | str:
    """The project's settings, or what is wrong with them; empty where there are none."""
    path = root / CONFIG
    try:
        return config.load(path) if path.exists() else ""
    except KwsError as error:
        return str(error)


def words(root: Path) -> list[str]:
    """The words to spot.

    Raises:
        Refused: this is no project.
    """
    found = experiment(root)
    if isinstance(found, str):
        raise Refused(409, found or f"this folder is no project yet (no {CONFIG}); begin at Start")
    return list(found.data.words)


def board(root: Path) -> str | None:
    """The board that ``kws new`` was told, by the commands that it wrote."""
    try:
        found = _BOARD.search((root / COMMANDS).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return None if found is None else found[1]


_runs_read: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {}
_READ = (
    runs.CONFIG,
    runs.HISTORY,
    runs.PROVENANCE,
    runs.MODEL,
    "report.html",
    "test.json",
    "stream-test.json",
    "room.json",
    "clips.json",
)


def all_runs(root: Path) -> list[dict[str, Any]]:
    """What is known of each run, the newest first; read again where a file of it has changed."""
    folder = root / "runs"
    if not folder.is_dir():
        return []
    found = []
    for path in folder.iterdir():
        if not path.is_dir() or path.name.startswith("."):
            continue
        times = tuple(_time(path / name) for name in _READ)
        kept = _runs_read.get(str(path))
        if kept is None or kept[0] != times:
            kept = _runs_read[str(path)] = (times, _about(path))
        found.append((max(times), kept[1]))
    return [about for _, about in sorted(found, key=lambda f: -f[0])]


def _time(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _about(path: Path) -> dict[str, Any]:
    history = _json(path / runs.HISTORY) or {}
    said = history.get("epochs")
    epochs = [e for e in said if isinstance(e, dict)] if isinstance(said, list) else []
    provenance = _json(path / runs.PROVENANCE) or {}
    test = _json(path / "test.json")
    about: dict[str, Any] = {
        "name": path.name,
        "epochs": epochs,
        "best": history.get("best_epoch"),
        "of": _epochs(path),
        "model": (path / runs.MODEL).exists(),
        "bytes": _bytes(path / runs.MODEL),
        "report": (path / "report.html").exists(),
        "clips": (path / "clips.json").exists(),
        "stream": (path / "stream-test.json").exists(),
        "room": (path / "room.json").exists(),
        # Thresholds are written into the model, which then no longer is the one that was judged.
        "stale": 0 < _time(path / "test.json") < _time(path / runs.MODEL),
        "started_from": provenance.get("start"),
        "from": _begun(provenance),
        "test": None,
    }
    if test is not None:
        results = test.get("results")
        engine: dict[str, Any] = next(iter(results.values()), {}) if isinstance(results, dict) else {}
        about["test"] = {
            "accuracy": engine.get("accuracy"),
            "interval": engine.get("interval"),
            "sources": test.get("negatives"),
            "limits": test.get("limits"),
        }
    return about


def _begun(provenance: dict[str, Any]) -> str | None:
    """What `find` takes for where a run started; empty for random weights, None where that is not known here."""
    start = provenance.get("start") if provenance else {}
    return "" if start is None else _ids().get(str(start.get("id"))) if isinstance(start, dict) else None


@cache
def _ids() -> dict[str, str]:
    return {Model.load(path).id: f"shipped:{name}" for name, path in starts().items()}


def _epochs(path: Path) -> int | None:
    try:
        return runs.load_config(path).training.epochs
    except KwsError:
        return None


def _json(path: Path) -> dict[str, Any] | None:
    try:
        values = parse_json(path.read_bytes())
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None
