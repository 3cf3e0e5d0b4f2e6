"""From what a page asks for to the command lines that do it; nothing else is ever run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kws.project import CONFIG, MICROPHONE, parse_words
from kws.project import SYNTHETIC as VOICES
from kws.project import boards as flashable
from kws.shipped import START, models
from kws.studio import clips, safe, shipped
from kws.studio.safe import Refused

RUNS = "runs"
EVALUATION, CLIPS = "test.json", "clips.json"
MIC_CHECK = ".kws-studio/mic-check.wav"
SPOTTER, LINK = "spotter", "link"
SAMPLE_WORDS = ("yes", "no")
_PORT = re.compile(r"/dev/[A-Za-z0-9._-]{1,40}|/dev/serial/by-id/[A-Za-z0-9._:-]{1,120}|COM[0-9]{1,3}")
_GREATEST_WORDS = 40


class Job(NamedTuple):
    """What is to be run: the kind of job, what it is about, and the command lines without ``kws``."""

    kind: str
    about: str
    commands: list[list[str]]


Body = Mapping[str, Any]
Maker = Callable[[Path, Body], Job]


def make(root: Path, body: Body) -> Job:
    """The job that a request describes.

    Args:
        root: the project's folder.
        body: ``kind`` and what belongs to it.

    Raises:
        Refused: it is none, or names what there is not.
    """
    kind = body.get("kind")
    maker = _MAKERS.get(kind) if isinstance(kind, str) else None
    if maker is None:
        raise Refused(400, f"kind must be one of {', '.join(_MAKERS)}")
    return maker(root, body)


def _new(root: Path, body: Body) -> Job:
    if (root / CONFIG).exists():
        raise Refused(409, f"{CONFIG} is there already: this folder is a project")
    given = body.get("words")
    words = list(parse_words(given)) if isinstance(given, str) else given
    if not isinstance(words, list) or not 1 <= len(words) <= _GREATEST_WORDS:
        raise Refused(400, f"name 1 to {_GREATEST_WORDS} words to spot, separated by commas")
    for word in words:
        if "," in safe.name(word, "word"):
            raise Refused(400, "a word may not hold a comma")
    source = _one_of(body, "source", (MICROPHONE, VOICES))
    board = _one_of(body, "board", ("none", *flashable()))
    new = ["new", ".", "--words", ",".join(words), "--source", source, "--board", board]
    commands = [new]
    if source == VOICES:
        commands.append(_voices(words, 240, 3))
    return Job("new", "", commands)


def _sample(root: Path, body: Body) -> Job:
    del body
    if (root / CONFIG).exists():
        raise Refused(409, f"{CONFIG} is there already: this folder is a project")
    new = ["new", ".", "--words", ",".join(SAMPLE_WORDS), "--source", MICROPHONE, "--board", "nrf52840"]
    # Voices in place of people, where recordings of people would be.
    speak = ["data", "make", "--words", ",".join(SAMPLE_WORDS), "--voices", "30", "--takes", "1"]
    return Job("new", "sample", [new, [*speak, "--out", clips.RECORDINGS]])


def _voices(words: list[str], voices: int, takes: int) -> list[str]:
    spoken = ["data", "make", "--words", ",".join(words), "--voices", str(voices), "--takes", str(takes)]
    return [*spoken, "--out", clips.SYNTHETIC]


def _speak(root: Path, body: Body) -> Job:
    return Job("voices", "", [_voices(shipped.words(root), _whole(body, "voices", 1, 400, 60), 2)])


def _check(root: Path, body: Body) -> Job:
    del body
    return Job("check", "", [["data", "check", _people(root), "--config", CONFIG, "--all", "--json"]])


def _takes(root: Path, body: Body) -> Job:
    start = shipped.find(root, body.get("start") or f"shipped:{START}")
    return Job("takes", "", [["data", "takes", _people(root), "--config", CONFIG, "--from", str(start), "--json"]])


def _mic_check(root: Path, body: Body) -> Job:
    del body
    if not (root / MIC_CHECK).exists():
        raise Refused(409, "there is nothing to judge yet; record ten seconds first")
    # Of the model that training starts from: what noise costs it, its card says.
    start = models().get(START)
    model = ["--model", str(start)] if start is not None else []
    return Job("mic-check", "", [["mic-check", "--input", MIC_CHECK, *model, "--json"]])


def _train(root: Path, body: Body) -> Job:
    run = safe.run_name(body.get("run"))
    _project(root)
    data = [part for folder in clips.FOLDERS if clips.words(root).get(folder) for part in ("--data", folder)]
    if not data:
        raise Refused(409, "there is nothing to learn from; record or import some takes first")
    start = body.get("start")
    # Whatever the settings say of the network: one chooses a model for its size, too.
    begin = ["--from", str(shipped.find(root, start)), "--same-network"] if start else []
    restart = ["--restart"] if body.get("restart") is True else []
    folder = f"{RUNS}/{run}"
    train = ["train", CONFIG, *begin, *data, "--out", folder, *restart, "--json"]
    commands = [train, ["convert", folder]]
    commands.append(["clips", folder, "--data", _people(root), "--json", f"{folder}/{CLIPS}"])
    return Job("train", run, commands)


def _judge(root: Path, body: Body) -> Job:
    run = _run(root, body)
    name = run.removeprefix(f"{RUNS}/")
    people = _people(root)
    test = ["evaluate", run, "--data", people, "--split", "test", "--json", f"{run}/{EVALUATION}"]
    clip_list = ["clips", run, "--data", people, "--json", f"{run}/{CLIPS}"]
    return Job("judge", name, [test, clip_list, ["report", run, "--data", people, "--json"]])


def _tune(root: Path, body: Body) -> Job:
    run = _run(root, body)
    budget = body.get("budget")
    if isinstance(budget, bool) or not isinstance(budget, int | float) or not 0.1 <= budget <= 1000:
        raise Refused(400, "budget must be 0.1 to 1000 false accepts per hour")
    anyway = ["--anyway"] if body.get("anyway") is True else []
    # An hour or two: a page is waited at.
    minutes = f"{min(max(60.0, 600 / budget), 240):.0f}"
    tune = ["tune", run, "--data", _people(root), "--budget", f"{budget:g}", "--minutes", minutes, *anyway, "--json"]
    return Job("tune", run.removeprefix(f"{RUNS}/"), [tune])


def _build(root: Path, body: Body) -> Job:
    board = _one_of(body, "board", flashable())
    app = _one_of({"app": SPOTTER, **body}, "app", (SPOTTER, LINK))
    more = [] if app == SPOTTER else ["--app", app]
    return Job("build", board, [["build", board, "--model", _model(root, body), *more, "--json"]])


def _flash(root: Path, body: Body) -> Job:
    board = _one_of(body, "board", flashable())
    if not (root / "build" / board).is_dir():
        raise Refused(409, f"there is no image for {board} yet; build it first")
    return Job("flash", board, [["flash", board]])


def _monitor(root: Path, body: Body) -> Job:
    del root
    port = _port(body)
    return Job("monitor", port, [["monitor", port]])


def _verify(root: Path, body: Body) -> Job:
    model = _model(root, body)
    port = [] if body.get("port") in (None, "") else [_port(body)]
    engines = ["--engines", f"numpy,serial:{port[0]}"] if port else ["--engines", "numpy,c"]
    return Job("verify", model, [["verify", model, *engines, "--json"]])


def _port(body: Body) -> str:
    port = body.get("port")
    if not isinstance(port, str) or not _PORT.fullmatch(port) or ".." in port:
        raise Refused(400, "port must be a serial port, such as /dev/ttyACM0 or COM3")
    return port


def _whole(body: Body, key: str, low: int, high: int, default: int) -> int:
    value: object = body.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Refused(400, f"{key} must be a whole number from {low} to {high}")
    return value


def _one_of(body: Body, key: str, known: Any) -> str:
    value = body.get(key)
    if not isinstance(value, str) or value not in known:
        raise Refused(400, f"{key} must be one of {', '.join(known)}")
    return value


def _project(root: Path) -> None:
    if not (root / CONFIG).exists():
        raise Refused(409, f"this folder is no project yet (no {CONFIG}); begin at Start")


def _people(root: Path) -> str:
    """The folder of people's recordings; that of voices where there is no other."""
    _project(root)
    there = clips.words(root)
    found = next((folder for folder in clips.FOLDERS if there.get(folder)), None)
    if found is None:
        raise Refused(409, "there are no recordings yet; record or import some takes first")
    return found


def _run(root: Path, body: Body) -> str:
    run = f"{RUNS}/{safe.run_name(body.get('run'))}"
    if not (root / run / "model.tflite").exists():
        raise Refused(409, f"{run} holds no model yet; train it to its end first")
    return run


def _model(root: Path, body: Body) -> str:
    start = body.get("model")
    if isinstance(start, str) and start.startswith(f"{RUNS}/"):
        return _run(root, {"run": start.removeprefix(f"{RUNS}/")})
    return str(shipped.find(root, start))


_MAKERS: dict[str, Maker] = {
    "new": _new,
    "sample": _sample,
    "voices": _speak,
    "check": _check,
    "takes": _takes,
    "mic-check": _mic_check,
    "train": _train,
    "judge": _judge,
    "tune": _tune,
    "build": _build,
    "flash": _flash,
    "monitor": _monitor,
    "verify": _verify,
}
