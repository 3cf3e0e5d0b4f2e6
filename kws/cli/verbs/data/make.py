"""``kws data make``: synthetic speech."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kws import audio
from kws.cli import console, exit_codes
from kws.cli.options import add_json, add_out_folder, add_synthesis, whole
from kws.datasets import clips, near_words, other_speech, sentences, synthetic, transcripts, voices
from kws.datasets.voices import VoiceEngine
from kws.errors import KwsError, UsageError


def options(parser: argparse.ArgumentParser) -> None:
    """Of ``kws data make``."""
    add_synthesis(parser, voices=None)
    add_out_folder(parser)
    parser.add_argument(
        "--voice-engine",
        choices=voices.NAMES,
        default="espeak",
        help="who speaks; espeak always works, the others where they are installed",
    )
    parser.add_argument("--voice-file", type=Path, metavar="FILE", help="a voice of piper (.onnx), voices of kokoro")
    parser.add_argument(
        "--takes", type=whole(1, 10_000), metavar="N", help="clips of a word by each voice (default: 3)"
    )
    parser.add_argument(
        "--clip-ms",
        type=whole(300, 10_000),
        metavar="N",
        help="length of a clip in milliseconds; for a phrase, as data.clip_ms of the training (default: 1000)",
    )
    parser.add_argument("--no-near-misses", action="store_true", help="leave out similar words for _unknown_")
    parser.add_argument(
        "--sentences",
        type=_amount,
        metavar="AMOUNT",
        help="instead of clips of the words, make other speech without them: 2h, 40min, or a number of sentences",
    )
    parser.add_argument("--text", type=Path, metavar="FILE", help="the sentences to say (default: a built-in text)")
    parser.add_argument("--format", choices=["flac", "opus"], help="of other speech (default: flac)")
    add_json(parser)


def run(a: argparse.Namespace) -> int:
    """``kws data make``."""
    if a.sentences is None and (a.text or a.format):
        raise UsageError("--text and --format are for other speech; give --sentences too, 2h say")
    for name, value in (("--takes", a.takes), ("--clip-ms", a.clip_ms)):
        if a.sentences is not None and value is not None:
            raise UsageError(f"{name} is for clips of words; leave it out beside --sentences")
    engine = voices.make(a.voice_engine, a.voice_file)
    result = _words(a, engine) if a.sentences is None else _sentences(a, engine)
    if engine.note:
        console.messages.print(engine.note)
    if a.json:
        console.print_json({"out": str(a.out), "synthetic": True, "words": a.words, **result})
    return exit_codes.OK


def _words(a: argparse.Namespace, engine: VoiceEngine[Any]) -> dict[str, object]:
    with console.progress("speaking") as progress:
        synthetic.make(
            a.words,
            a.out,
            voice_count=a.voices,
            takes_per_voice=a.takes or 3,
            clip_ms=a.clip_ms or 1000.0,
            near_misses=not a.no_near_misses,
            seed=a.seed,
            engine=engine,
            progress=progress,
        )
    made = sum(1 for _ in a.out.glob("*/*.wav"))
    if not a.json:
        console.out.print(f"{a.out}: {made} files of synthetic speech ({engine.name}), not recordings of people")
    return {"engine": engine.name, "clips": made}


def _sentences(a: argparse.Namespace, engine: VoiceEngine[Any]) -> dict[str, object]:
    with console.progress("speaking") as progress:
        other_speech.make(
            a.words,
            a.out,
            a.sentences,
            engine,
            texts=sentences.read(a.text or sentences.BUILT_IN),
            near=() if a.no_near_misses else near_words.near_misses(a.words, nearest=8, spread=0, seed=a.seed),
            voice_count=a.voices,
            suffix=f".{a.format or 'flac'}",
            seed=a.seed,
            progress=progress,
        )
    said = len(transcripts.read(a.out))
    seconds = sum(audio.info(path).seconds for path in clips.audio_files(a.out))
    if not a.json:
        console.out.print(
            f"{a.out}: {seconds / 60:.1f} minutes of synthetic speech ({engine.name}) without {', '.join(a.words)};"
            f" what is said where is in {a.out / transcripts.NAME}"
        )
    return {"engine": engine.name, "seconds": round(seconds, 1), "sentences": said}


def _amount(text: str) -> other_speech.Amount:
    try:
        return other_speech.Amount.parse(text)
    except KwsError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
