"""The registry of verbs: what is in it, what importing it costs, and what a new verb takes."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from typed_verbs import COMMANDS, MODULES

from kws.cli import main as cli
from kws.cli import registry, verbs
from kws.cli.registry import VERBS, Verb


def help_of(*verb, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([*verb, "--help"])
    assert stop.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("verb", [(), *COMMANDS], ids=" ".join)
def test_help(verb, capsys):
    text = help_of(*verb, capsys=capsys)
    assert len(text) > 200
    assert text.startswith(f"usage: {' '.join(('kws', *verb))} ")
    assert not re.search(r"\(default: [^()]*\)\s+\(default:", text), "a default is told twice"


def test_help_lists_every_verb_once(capsys):
    text = help_of(capsys=capsys)
    for title, group in VERBS.items():
        assert f"\n{title}:\n" in text
        for verb in group:
            assert sum(line.split()[:1] == [verb.name] and verb.help in line for line in text.splitlines()) == 1
    text = help_of("data", capsys=capsys)
    assert all(f"  {name[1]} " in text for name in COMMANDS if name[0] == "data" and len(name) > 1)


@pytest.mark.parametrize("verb", MODULES.values(), ids=lambda v: v.module)
def test_modules_are_what_the_registry_says(verb):
    module = verb.load()
    assert callable(module.options)
    assert callable(module.run)
    assert verb.help[0].islower()
    assert not verb.help.endswith(".")


def test_every_module_is_in_the_registry():
    folder = Path(verbs.__file__).parent
    files = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.py")}
    found = {name.replace("/", ".") for name in files if not name.endswith("__init__")}
    assert sorted(found) == sorted(verb.module for verb in MODULES.values())


def imported(*arguments):
    """The modules that a run of the command in a process of its own imports."""
    program = (
        "import contextlib, json, sys\n"
        "from kws.__main__ import main\n"
        "with contextlib.suppress(SystemExit):\n"
        "    main()\n"
        "json.dump(sorted(sys.modules), sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert "usage: kws" in done.stdout
    return set(json.loads(done.stderr))


def test_help_imports_no_verb_and_nothing_heavy():
    """What keeps ``kws --help`` under 0.2 s of CPU: libraries take longer to import than it may take in all."""
    ours = {name for name in imported("--help") if name.split(".")[0] == "kws"}
    assert ours == {"kws", "kws.__main__", "kws.errors", "kws.interrupts"} | {
        f"kws.cli{name}" for name in ("", ".exit_codes", ".main", ".parser", ".registry", ".standard", ".verbs")
    }
    for arguments in (("--help",), ("data", "--help")):
        names = {name.split(".")[0] for name in imported(*arguments)}
        assert not names & {"numpy", "rich", "soundfile", "jinja2", "serial", "matplotlib", "tensorflow"}


@pytest.mark.parametrize("typed", [("flash",), ("data", "get")], ids=" ".join)
def test_a_verb_imports_no_other(typed):
    names = {name for name in imported(*typed, "--help") if name.startswith(f"{verbs.__name__}.")}
    assert names - {f"{verbs.__name__}.data"} == {f"{verbs.__name__}.{COMMANDS[typed].module}"}


def test_a_new_verb_is_a_module_and_a_line(monkeypatch, capsys):
    module = ModuleType(f"{verbs.__name__}.echo")
    module.options = lambda parser: parser.add_argument("--times", type=int, default=1, help="how often")
    module.run = lambda a: print("echo " * a.times) or 3
    monkeypatch.setitem(sys.modules, module.__name__, module)
    groups = {**VERBS, "try things": (Verb("echo", "say it again", "echo"),)}
    monkeypatch.setattr(cli, "VERBS", groups)
    assert "try things:\n  echo          say it again\n" in help_of(capsys=capsys)
    assert "Say it again." in help_of("echo", capsys=capsys)
    assert cli.main(["echo", "--times", "2"]) == 3
    assert capsys.readouterr().out == "echo echo \n"


def test_an_unknown_verb_is_answered_with_the_nearest(capsys):
    for arguments, nearest in (
        (["evalute"], "evaluate"),
        (["streamtest"], "stream-test"),
        (["data", "mak"], "make"),
        (["flash", "nrf52480"], "nrf52840"),
    ):
        with pytest.raises(SystemExit) as stop:
            cli.main(arguments)
        assert stop.value.code == 2
        assert capsys.readouterr().err.endswith(f"; did you mean {nearest!r}?\n")
    with pytest.raises(SystemExit):
        cli.main(["xyzzy"])
    assert "did you mean" not in capsys.readouterr().err


def test_nothing_else_names_the_verbs():
    """Only the registry knows which verbs there are: no other module imports one."""
    root = Path(registry.__file__).parents[1]
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not any(str(name).startswith(f"{verbs.__name__}.") for name in names), path
