"""Public data sets that ``kws data get`` fetches: one table, with licences and checksums."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kws.datasets import librispeech
from kws.datasets.roles import NOISE, ROOMS, SPEECH
from kws.errors import KwsError
from kws.types import Progress

WORDS = "words"
Arrange = Callable[[Path, Progress], None]


@dataclass(frozen=True)
class Archive:
    """A published archive.

    Attributes:
        urls: where it is, the publisher first, then mirrors.
        checksum: ``sha256:`` or ``md5:`` and the digest in hexadecimal.
        megabytes: its size, about.
    """

    urls: tuple[str, ...]
    checksum: str
    megabytes: int

    @property
    def file(self) -> str:
        """Name of the file."""
        return self.urls[0].rsplit("/", 1)[-1]


@dataclass(frozen=True)
class DataSet:
    """A data set that anybody may download.

    Attributes:
        name: for ``kws data get``.
        title: what it is, in a few words.
        licence: of the recordings.
        home: the publisher's page.
        archive: where it comes from.
        unpacked_megabytes: what it takes on the disk, about.
        uses: folder in the data set and its role: ``words``, ``speech``, ``noise`` or ``rooms``.
        root: the folder in the archive whose contents are the data set's; "" is all.
        arrange: called with the unpacked folder, to give it the layout that kws reads.
    """

    name: str
    title: str
    licence: str
    home: str
    archive: Archive
    unpacked_megabytes: int
    uses: tuple[tuple[str, str], ...]
    root: str = ""
    arrange: Arrange | None = None


def _only_esc10(folder: Path, progress: Progress) -> None:
    """Keep the recordings of ESC-10 alone, whose licence allows more than that of the rest."""
    table = folder / "meta" / "esc50.csv"
    try:
        with table.open(encoding="utf-8", newline="") as file:
            kept = {row["filename"] for row in csv.DictReader(file) if row["esc10"] == "True"}
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise KwsError(f"cannot read {table}: {error}; the publisher has changed the data set") from error
    files = sorted((folder / "audio").iterdir())
    for done, path in enumerate(files, 1):
        if path.name not in kept:
            path.unlink()
        progress(done, len(files))


def _part_rooms_and_noises(folder: Path, progress: Progress) -> None:
    """Give OpenSLR 28's recorded responses and recorded noises, which lie in one folder, a folder each."""
    mixed = folder / "real_rirs_isotropic_noises"
    files = sorted(mixed.iterdir())
    for done, path in enumerate(files, 1):
        part = folder / ("isotropic_noises" if "noise" in path.name.lower() else "real_rirs")
        part.mkdir(exist_ok=True)
        path.replace(part / path.name)
        progress(done, len(files))
    mixed.rmdir()


def _openslr(number: int, file: str) -> tuple[str, ...]:
    hosts = ("www.openslr.org", "us.openslr.org", "openslr.elda.org")
    return tuple(f"https://{host}/resources/{number}/{file}" for host in hosts)


def _speech_commands(name: str, version: str, sha256: str, megabytes: int, unpacked: int) -> DataSet:
    url = f"https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v{version}.tar.gz"
    return DataSet(
        name,
        f"Speech Commands {version}, words one by one (Warden 2018)",
        "CC BY 4.0",
        "https://www.tensorflow.org/datasets/catalog/speech_commands",
        Archive((url,), f"sha256:{sha256}", megabytes),
        unpacked,
        ((".", WORDS),),
    )


def _librispeech(part: str, what: str, sha256: str, megabytes: int, unpacked: int) -> DataSet:
    return DataSet(
        f"librispeech-{part}",
        f"LibriSpeech, {what} of read sentences, with transcripts (Panayotov 2015)",
        "CC BY 4.0",
        "https://www.openslr.org/12",
        Archive(_openslr(12, f"{part}.tar.gz"), f"sha256:{sha256}", megabytes),
        unpacked,
        ((".", SPEECH),),
        root="LibriSpeech",
        arrange=librispeech.write_transcripts,
    )


# GitHub packs this archive when it is asked for one; the digest is the one that several projects have seen.
_ESC = Archive(
    ("https://github.com/karolpiczak/ESC-50/archive/master.zip",), "md5:7771e4b9d86d0945acce719c7a59305a", 646
)
_ESC_HOME = "https://github.com/karolpiczak/ESC-50"

DATA_SETS = {
    data.name: data
    for data in (
        _speech_commands(
            "speech-commands", "0.02", "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58", 2429, 3500
        ),
        _speech_commands(
            "speech-commands-0.01",
            "0.01",
            "743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d",
            1489,
            2100,
        ),
        _librispeech(
            "dev-clean", "5 hours", "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3", 338, 360
        ),
        _librispeech(
            "dev-other", "5 hours", "12661c48e8c3fe1de2c1caa4c3e135193bfb1811584f11f569dd12645aa84365", 314, 340
        ),
        _librispeech(
            "train-clean-100",
            "100 hours",
            "d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2",
            6387,
            6700,
        ),
        DataSet(
            "musan",
            "MUSAN, 109 hours of music, noise and speech (Snyder 2015)",
            "CC BY 4.0",
            "https://www.openslr.org/17",
            Archive(_openslr(17, "musan.tar.gz"), "md5:0c472d4fc0c5141eca47ad1ffeb2a7df", 11100),
            12600,
            (("noise", NOISE), ("music", NOISE), ("speech", SPEECH)),
            root="musan",
        ),
        DataSet(
            "esc-50",
            "ESC-50, 2.8 hours of 50 kinds of sound (Piczak 2015)",
            "CC BY-NC 3.0",
            _ESC_HOME,
            _ESC,
            900,
            (("audio", NOISE),),
            root="ESC-50-master",
        ),
        DataSet(
            "esc-10",
            "ESC-10, the 0.6 hours of it for any use (Piczak 2015)",
            "CC BY 3.0",
            _ESC_HOME,
            _ESC,
            900,
            (("audio", NOISE),),
            root="ESC-50-master",
            arrange=_only_esc10,
        ),
        DataSet(
            "openslr-28",
            "room impulse responses, 60,000 simulated, 325 recorded, and noises (Ko 2017)",
            "Apache 2.0",
            "https://www.openslr.org/28",
            Archive(_openslr(28, "rirs_noises.zip"), "md5:e6f48e257286e05de56413b4779d8ffb", 1311),
            2600,
            (
                ("simulated_rirs", ROOMS),
                ("real_rirs", ROOMS),
                ("isotropic_noises", NOISE),
                ("pointsource_noises", NOISE),
            ),
            root="RIRS_NOISES",
            arrange=_part_rooms_and_noises,
        ),
    )
}
"""Every data set by name.

The SHA-256 of Speech Commands are TensorFlow Datasets' and torchaudio's, those of LibriSpeech torchaudio's; the
MD5 of MUSAN and of the impulse responses are OpenSLR's own.
"""
