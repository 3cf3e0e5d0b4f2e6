"""A run that is another one with other weights, for kws convert."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from kws import runs
from kws.network import FloatNetwork


def write(run: Path, network: FloatNetwork, provenance: dict[str, Any], out: Path) -> None:
    """Write it.

    Args:
        run: the run whose settings and calibration clips it has.
        network: its weights.
        provenance: what is said of it.
        out: its folder.

    Raises:
        KwsError: no run.
    """
    out.mkdir(parents=True, exist_ok=True)
    network.save(out / runs.WEIGHTS)
    runs.write_config(runs.load_config(run), out)
    shutil.copyfile(run / runs.CALIBRATION, out / runs.CALIBRATION)
    runs.save_json(provenance, out / runs.PROVENANCE)
