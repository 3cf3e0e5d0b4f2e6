"""Everything that the page shows, read off the folder; it is sent whenever it has changed."""

from __future__ import annotations

import importlib.util
import os
import time
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import kws
from kws import tools
from kws.boards import BOARDS
from kws.boards.serial_port import plugged_in
from kws.config import Experiment
from kws.project import CONFIG, boards, sounding_alike
from kws.shipped import models, starts
from kws.studio import clips, commands, shipped, size
from kws.studio.jobs import RUNNING, Job, Jobs

_RECENT_JOBS = 12
_LOOK_SECONDS = 2
_IMAGES = (".uf2", ".hex", ".bin")


def state(root: Path, jobs: Jobs) -> dict[str, Any]:
    """The project as plain values, ready for JSON."""
    experiment = shipped.experiment(root)
    found: dict[str, Any] = {
        "version": kws.__version__,
        "folder": str(root),
        "name": root.name,
        "project": None,
        "fault": experiment if isinstance(experiment, str) else "",
        "boards": {name: BOARDS[name].what for name in boards()},
        "has": size.BOARDS,
        "ports": _ports(time.monotonic() // _LOOK_SECONDS),
        "missing": _missing(),
        "jobs": [job.as_dict() for job in _shown(jobs.all())],
    }
    # Only what runs needs its log line by line; of the rest the last lines say what happened.
    for job in found["jobs"]:
        if job["status"] != RUNNING:
            job["lines"] = job["lines"][-12:]
    if isinstance(experiment, Experiment):
        found["project"] = _project(root, experiment)
    return found


def _shown(jobs: list[Job]) -> list[Job]:
    """The latest jobs, and of those before what still runs, however long ago it began: it can be stopped."""
    return jobs[:_RECENT_JOBS] + [job for job in jobs[_RECENT_JOBS:] if job.status == RUNNING]


def _project(root: Path, experiment: Experiment) -> dict[str, Any]:
    board = shipped.board(root)
    return {
        "config": CONFIG,
        "words": list(experiment.data.words),
        "split_by": experiment.data.split_by,
        "epochs": experiment.training.epochs,
        "negatives": experiment.negatives.pack,
        "board": board,
        "folders": clips.words(root),
        "speakers": clips.speakers(root),
        "near": sounding_alike(tuple(experiment.data.words)),
        "models": {name: str(path) for name, path in models().items()},
        "runs": shipped.all_runs(root),
        "sizes": size.estimates(experiment, starts()),
        "images": _images(root),
        "mic_check": (root / commands.MIC_CHECK).exists(),
    }


def _images(root: Path) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for name in boards():
        folder = root / "build" / name
        if folder.is_dir():
            with os.scandir(folder) as entries:
                files = sorted((e.name, e.stat().st_size) for e in entries if e.name.endswith(_IMAGES))
            if files:
                found[name] = [{"name": file, "bytes": count} for file, count in files]
    return found


@lru_cache(1)
def _ports(_moment: float) -> list[tuple[str, str]]:
    """The serial ports that something is plugged in to; looked for once a moment."""
    return plugged_in()


@cache
def _missing() -> dict[str, str]:
    """What is not installed: what for, and how to get it."""
    from kws.extras import how_to_install

    found = {}
    if importlib.util.find_spec("tensorflow") is None:
        found["train"] = how_to_install("train")
    if importlib.util.find_spec("espeakng_loader") is None:
        found["voices"] = how_to_install("synthetic")
    gone = tools.missing_tools(("arm-none-eabi-gcc", "make"))
    if gone:
        found["build"] = "; ".join(gone.values())
    return found
