"""How to install an extra of kws from where this kws came from: its name on the index is another project's."""

from __future__ import annotations

import json
import re
import shlex
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

NAME = "kws"
_OWN = re.compile(rf"{NAME}\s*\[(.*)\]")
_MARKER = re.compile(r"extra\s*==\s*['\"]([\w.-]+)['\"]")


def how_to_install(extra: str) -> str:
    """The command that adds an extra of ``pyproject.toml`` to this installation.

    Where the checkout or the wheel is that it was installed from (PEP 610), the command installs
    from there; otherwise it installs what the extra asks for.

    Args:
        extra: such as ``tflm``.
    """
    try:
        distribution = metadata.distribution(NAME)
    except metadata.PackageNotFoundError:
        # On PYTHONPATH: the checkout is beside the package.
        return _pip("-e", f"{Path(__file__).resolve().parents[1]}[{extra}]")
    source = _source(distribution.read_text("direct_url.json"), extra)
    return _pip(*source) if source else _pip(*_requirements(distribution.requires or [], extra))


def _source(direct_url: str | None, extra: str) -> list[str]:
    """What pip is told to install from where the distribution came from; nothing if it is not known or gone."""
    if direct_url is None:
        return []
    origin: dict[str, Any] = json.loads(direct_url)
    url = str(origin["url"])
    if "vcs_info" in origin:
        revision = origin["vcs_info"].get("requested_revision")
        return [f"{NAME}[{extra}] @ {origin['vcs_info']['vcs']}+{url}{f'@{revision}' if revision else ''}"]
    parts = urlsplit(url)
    if parts.scheme != "file":
        return [f"{NAME}[{extra}] @ {url}"]
    path = Path(unquote(parts.path))
    if not path.exists():
        return []
    if "dir_info" not in origin:
        return [f"{NAME}[{extra}] @ {url}"]
    return [*(["-e"] if origin["dir_info"].get("editable") else []), f"{path}[{extra}]"]


def _requirements(requires: list[str], extra: str) -> list[str]:
    found = []
    for requirement in requires:
        what, _, marker = requirement.partition(";")
        match = _MARKER.search(marker)
        if match and match[1] == extra:
            own = _OWN.fullmatch(what.strip())
            others = own[1].split(",") if own else []
            found += [r for other in others for r in _requirements(requires, other.strip())] or [what.strip()]
    return found


def _pip(*arguments: str) -> str:
    return f"pip install {shlex.join(arguments)}"
