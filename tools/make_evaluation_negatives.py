"""Make the evaluation set of negatives that comes with kws: ten minutes of real speech, music and noise.

DIR holds recordings that nothing was trained on, in Ogg Opus, FLAC or WAV:

    natural_speech/validation/   continuous speech, one file a speaker, named SET_SPEAKER
    natural_speech/transcripts.tsv   file (with validation/), start_s, end_s, text, command_words; "?": unknown
    noise/validation/            music and noise, named SET_WHAT

Taken are only sets under CC BY, CC0 or in the public domain, listed in this file with their sources, and of the
speech only what is transcribed and says none of the ten commands. Nothing is drawn: the same recordings give the
same set.

    python tools/make_evaluation_negatives.py DIR kws/datasets/packs/evaluation
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np

from kws import audio
from kws.config import SAMPLE_RATE
from kws.datasets import negatives, other_speech, sentences, transcripts
from kws.datasets.transcripts import Stretch
from kws.errors import KwsError
from kws.types import Pcm

COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
GAP = 0.3
# Set of speech: seconds of each speaker.
SPEECH = {"librispeech": 35.0, "speechocean762": 7.0}
# File of music or noise: seconds from its start.
MUSIC = {
    "librosa_hungarian_dance_number_5_allegro_in_f_sharp_minor_": 30.0,
    "sonicpi_tabla": 15.0,
    "sonicpi_ambi": 15.0,
    "sonicpi_perc": 10.0,
}
NOISE = {
    "esc10_baby_cry": 7.5,
    "esc10_clock_tick": 7.5,
    "esc10_dog_bark": 7.5,
    "esc10_fire_crackling": 7.5,
    "esc10_helicopter": 7.5,
    "esc10_person_sneeze": 7.5,
    "esc10_rain": 7.5,
    "esc10_rooster": 7.5,
    "esc10_sea_waves": 7.5,
    "esc10_chainsaw": 7.5,
    "blanket_boat": 7.5,
}
SOURCES = (
    (
        "`librispeech.opus`",
        "audiobooks, North American speakers",
        "LibriSpeech, V. Panayotov, G. Chen, D. Povey and S. Khudanpur 2015, openslr.org/12",
        "CC BY 4.0",
    ),
    (
        "`speechocean762.opus`",
        "read English, speakers whose first language is Mandarin, adults and children",
        "speechocean762, J. Zhang et al. 2021, arXiv:2104.01378, openslr.org/101",
        "CC BY 4.0",
    ),
    (
        "`music.opus`, `librosa_*`",
        "J. Brahms, Hungarian Dance 5, US Army Strings",
        "Musopen, through github.com/librosa/data",
        "public domain",
    ),
    (
        "`music.opus`, `sonicpi_*`",
        "tabla, percussion, ambient",
        "freesound.org, through github.com/sonic-pi-net/sonic-pi, etc/samples",
        "CC0 1.0",
    ),
    (
        "`noise.opus`, `esc10_*`",
        "household, street and nature",
        "ESC-10, K. J. Piczak 2015, github.com/karolpiczak/ESC-10, from freesound.org",
        "CC BY 3.0",
    ),
    (
        "`noise.opus`, `blanket_*`",
        "a boat",
        "Falcet, freesound.org/people/Falcet/sounds/439365, through github.com/rafaelmardojai/blanket",
        "CC0 1.0",
    ),
)


def main() -> None:
    """Make the set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, metavar="DIR", help="natural_speech and noise")
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to write; replaced where it exists")
    a = parser.parse_args()
    shutil.rmtree(a.out, ignore_errors=True)
    spoken = transcripts.read(a.recordings / "natural_speech")
    rows = []
    for kind, seconds in SPEECH.items():
        rows += _write(a.out, kind, _speech(a.recordings / "natural_speech", spoken, kind, seconds))
    for kind, taken in (("music", MUSIC), ("noise", NOISE)):
        rows += _write(a.out, kind, _sounds(a.recordings / "noise" / "validation", taken))
    transcripts.write(a.out, rows)
    minutes = sum(audio.info(path).seconds for path in sorted(a.out.glob("*.opus"))) / 60
    speakers = len({row.voice for row in rows if row.text})
    negatives.mark_evaluation(a.out)
    table = [("file", "what", "source", "licence"), ("---",) * 4, *SOURCES]
    sources = "\n".join(f"| {' | '.join(line)} |" for line in table)
    (a.out / "README.md").write_text(
        f"""# Negatives for evaluation: never trained on

{minutes:.1f} minutes of real recordings without the ten commands: speech of {speakers} people, music, noise. Small on
purpose: no false accept in it shows no more than an upper limit of {180 / minutes:.0f} per hour. Ogg Opus, 16 kHz.

`{transcripts.NAME}` says what is where: file, start and end in seconds, what is said (nothing in music and noise),
and who or what in the column `voice`. A word of your own that is said in it is left out by `kws.datasets.negatives`.

{sources}

Changed from the sources: cut, joined with pauses, resampled to 16 kHz mono, encoded anew. Made by
`tools/make_evaluation_negatives.py`.
""",
        encoding="utf-8",
    )


def _speech(folder: Path, spoken: list[Stretch], kind: str, seconds: float) -> list[tuple[Stretch, Pcm]]:
    pieces: list[tuple[Stretch, Pcm]] = []
    for name in sorted({s.file for s in spoken if s.file.startswith(f"validation/{kind}_")}):
        pcm = audio.read(folder / name)
        left = seconds
        for s in (s for s in spoken if s.file == name and s.text and s.commands == ()):
            if s.end - s.start <= left and sentences.without([s.text], COMMANDS):
                left -= s.end - s.start
                cut = pcm[round(s.start * SAMPLE_RATE) : round(s.end * SAMPLE_RATE)]
                pieces.append((Stretch("", 0, 0, s.text, (), Path(name).stem), cut))
    return pieces


def _sounds(folder: Path, taken: dict[str, float]) -> list[tuple[Stretch, Pcm]]:
    pieces = []
    for stem, seconds in taken.items():
        found = sorted(folder.glob(f"{stem}.*"))
        if not found:
            raise KwsError(f"there is no {folder / stem}; see --help for what belongs into the folder")
        pieces.append((Stretch("", 0, 0, "", (), stem), audio.read(found[0])[: round(seconds * SAMPLE_RATE)]))
    return pieces


def _write(out: Path, kind: str, pieces: list[tuple[Stretch, Pcm]]) -> list[Stretch]:
    joined = [np.zeros(round(GAP * SAMPLE_RATE), np.int16)]
    rows = []
    for stretch, pcm in pieces:
        at = sum(map(len, joined)) / SAMPLE_RATE
        rows.append(Stretch(f"{kind}.opus", at, at + len(pcm) / SAMPLE_RATE, stretch.text, (), stretch.voice))
        joined += [pcm, joined[0]]
    other_speech.write_opus(out / f"{kind}.opus", np.concatenate(joined))
    return rows


if __name__ == "__main__":
    main()
