"""ES modules as one: for a page that is a single file, where nothing can be imported.

The modules are this project's own and keep to a few forms: ``import { a, b } from "./x.js";`` over one or more
lines at the start of a line, and ``export`` before a declaration. Names are unique over all of them; a browser
refuses the page otherwise. Anything else is refused here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from posixpath import dirname, join, normpath

from kws.errors import KwsError

_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const) )", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b.*$|\bimport\(.*$|\bimport\.meta.*$", re.MULTILINE)


def bundle(modules: Mapping[str, str], entry: str) -> str:
    """The text of ``entry`` behind those of all modules that it imports, each once and before its users.

    Args:
        modules: texts by path; imports are relative to the importing module's.
        entry: which of them is run.

    Raises:
        KwsError: a module is not there, imports itself by a detour, or has other imports or exports than the
            forms above.
    """
    done: dict[str, str] = {}
    _add(modules, entry, done, ())
    return "\n".join(f"// {path}\n{text}" for path, text in done.items())


def _add(modules: Mapping[str, str], path: str, done: dict[str, str], above: tuple[str, ...]) -> None:
    if path in done:
        return
    if path in above:
        raise KwsError(f"the module {path} imports itself: {' -> '.join((*above, path))}")
    if path not in modules:
        raise KwsError(f"{above[-1] if above else 'the page'} imports {path}, which is not there")
    text = modules[path]
    for names, source in _IMPORT.findall(text):
        if " as " in names:
            raise KwsError(f"{path} imports under another name, which cannot be put into one file:{names}")
        _add(modules, normpath(join(dirname(path), source)), done, (*above, path))
    text = _EXPORT.sub("", _IMPORT.sub("", text))
    left = _LEFT.search(text)
    if left is not None:
        raise KwsError(f"{path} cannot be put into one file because of this line: {left[0]}")
    done[path] = text
