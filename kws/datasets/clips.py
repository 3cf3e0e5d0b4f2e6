"""A folder of word folders as a list of clips, split by speaker, and clips as training examples."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws.config import BY_SPEAKER, ONE_OUT, SILENCE, UNKNOWN, DataConfig
from kws.datasets import transcripts
from kws.datasets.augment import NoiseSource
from kws.datasets.fit import read_fitted
from kws.datasets.splits import (
    LISTS,
    SPLITS,
    SUFFIXES,
    TESTING,
    TRAINING,
    hashed_split,
    held_out_speaker,
    key,
    read_lists,
    speaker_of,
)
from kws.errors import KwsError
from kws.files import is_other
from kws.text import decoded
from kws.types import Progress

BACKGROUND = "_background_noise_"
NEAR = "near_misses"
"""The folder of near misses, in which each word has its own: training passes over it, since it holds no files."""
PHRASES = "phrases"
"""Likewise of phrases: a folder of clips called after one would teach its very words as "unknown"."""
SYNTHETIC = "synthetic.json"
LAYOUT = "a folder with one folder of audio files for each word, like words/yes/anna_01.wav"


@dataclass(frozen=True)
class Clip:
    """One recording of one word.

    Attributes:
        path: the file.
        word: name of the folder it is in.
        speaker: who says it, from the file name (`speaker_of`).
        split: ``training``, ``validation`` or ``testing``.
    """

    path: Path
    word: str
    speaker: str
    split: str


@dataclass(frozen=True)
class Example:
    """One thing to train on or to test with.

    Attributes:
        label: index into ``DataConfig.labels``.
        clip: the recording, or None for a cut of background noise.
    """

    label: int
    clip: Clip | None


def digests(paths: Sequence[Path]) -> list[str]:
    """16 hexadecimal digits of each file's contents.

    Raises:
        KwsError: a file cannot be read.
    """
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(_digest, paths))


def _digest(path: Path) -> str:
    try:
        status = path.stat()
        return _digest_of(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise KwsError(f"cannot read {path}: {error.strerror or error}") from error


# A training asks for the same files several times.
@cache
def _digest_of(path: Path, _size: int, _time: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()


def word_folders(root: Path) -> list[Path]:
    """The word folders in ``root`` in sorted order, without the background noise and hidden folders.

    Raises:
        KwsError: ``root`` is missing or is not a folder.
    """
    if not root.is_dir():
        raise KwsError(f"there is no folder {root}; give {LAYOUT}")
    return sorted(f for f in root.iterdir() if f.is_dir() and not f.name.startswith(".") and f.name != BACKGROUND)


def audio_files(folder: Path) -> list[Path]:
    """The audio files in ``folder`` (:data:`SUFFIXES`, any case), sorted, without hidden ones, pipes and folders."""
    return sorted(f for f in _called_audio(folder) if not is_other(f))


def no_files(folder: Path) -> list[Path]:
    """What is called as an audio file and is none, but a pipe or a folder, say; sorted."""
    return sorted(f for f in _called_audio(folder) if is_other(f))


def _called_audio(folder: Path) -> Iterator[Path]:
    return (f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES and not f.name.startswith("."))


def index(root: str | Path, data: DataConfig | None = None) -> list[Clip]:
    """List the clips of a folder of word folders, in sorted order; see `collect`.

    Args:
        root: the folder.
        data: the rule of the split; by default by speaker, a tenth in validation, a tenth in testing.

    Raises:
        KwsError: as for `collect`.
    """
    return collect([root], data or DataConfig(), everything=True)


def collect(roots: Sequence[str | Path], data: DataConfig, everything: bool = False) -> list[Clip]:
    """List the clips of several folders as if they were one.

    A folder's ``validation_list.txt`` and ``testing_list.txt``, where at least one exists, define its
    split (``word/file`` a line; the suffix does not matter; what is in neither is training).
    Elsewhere ``data.split_by`` does: by the hash of the speaker (`split_of`), of ``word/file``, or
    one speaker is testing and the takes of the others are split by hash. ``_background_noise_`` and
    hidden files are left out.

    Where a word was recorded, synthetic clips of it (from a folder that `is_synthetic`) are for
    training only, and those in other splits are left out: what is measured is what people say.

    Args:
        roots: folders of word folders.
        data: the words and the rule of the split.
        everything: keep the synthetic clips that would be left out.

    Raises:
        KwsError: no folder, the same one twice, one that is missing or holds no clips, split lists that
            name none of its clips, or a speaker to hold out who is not there.
    """
    folders = [Path(root) for root in roots]
    if not folders:
        raise KwsError(f"there is no folder of clips; give {LAYOUT}")
    # Not Path.resolve, which raises RuntimeError at a link to itself.
    if len(set(map(os.path.realpath, folders))) < len(folders):
        raise KwsError(f"the same folder is given twice: {', '.join(map(str, folders))}")
    listed = {folder: _listed(folder) for folder in folders}
    lists = {folder: read_lists(folder) for folder in folders}
    held_out = ""
    if data.split_by == ONE_OUT and not all(lists.values()):
        speakers = {speaker_of(path) for folder in folders if not lists[folder] for path in listed[folder]}
        held_out = held_out_speaker(speakers, data.held_out)
    clips = {folder: _split(folder, listed[folder], lists[folder], data, held_out) for folder in folders}
    synthetic = {folder for folder in folders if is_synthetic(folder)}
    recorded = {c.word for folder in folders if folder not in synthetic for c in clips[folder]}
    stand_ins = set() if everything else recorded & set(data.words)
    return [
        clip
        for folder in folders
        for clip in clips[folder]
        if folder not in synthetic or clip.split == TRAINING or clip.word not in stand_ins
    ]


def _listed(root: Path) -> list[Path]:
    transcripts.refuse_mined(root)
    paths = [path for folder in word_folders(root) for path in audio_files(folder)]
    if not paths:
        raise KwsError(f"there are no clips in {root}; give {LAYOUT}")
    return paths


def _split(
    root: Path, paths: Sequence[Path], lists: dict[str, set[str]], data: DataConfig, held_out: str
) -> list[Clip]:
    named = set().union(*lists.values())
    if named and named.isdisjoint(decoded(key(path)) for path in paths):
        names = " and ".join(LISTS[split] for split in lists)
        raise KwsError(
            f"{names} in {root}: none of the {len(named)} clips named is here, so that all would be training;"
            " a line is word/file.wav"
        )

    def split(path: Path, speaker: str) -> str:
        if lists:
            return next((s for s, keys in lists.items() if decoded(key(path)) in keys), TRAINING)
        if data.split_by == BY_SPEAKER:
            return hashed_split(speaker, data.validation_percent, data.testing_percent)
        if speaker == held_out:
            return TESTING
        return hashed_split(key(path), data.validation_percent, 0 if held_out else data.testing_percent)

    return [Clip(p, decoded(p.parent.name), speaker, split(p, speaker)) for p in paths for speaker in [speaker_of(p)]]


def is_synthetic(root: str | Path) -> bool:
    """Whether a data set says that it is synthetic speech, by a file named :data:`SYNTHETIC`."""
    return (Path(root) / SYNTHETIC).exists()


def background(root: str | Path) -> list[Path]:
    """The long noise recordings in ``root/_background_noise_``, sorted; empty where there are none."""
    folder = Path(root) / BACKGROUND
    return audio_files(folder) if folder.is_dir() else []


def examples(clips: Sequence[Clip], data: DataConfig, split: str, seed: int) -> list[Example]:
    """Choose a split's examples: the words, then unknown words, then silence; the same for the same seed.

    Unknown examples are ``data.unknown_percent`` of the number of word clips (rounded up), dealt
    one from each other word in turn until the words run out. Silence examples are
    ``data.silence_percent``: clips of a ``_silence_`` folder first, then cuts of noise.

    Raises:
        KwsError: an unknown split, or a word of ``data.words`` that has no clips at all.
    """
    if split not in SPLITS:
        raise KwsError(f"there is no split {split!r}; it must be one of {', '.join(SPLITS)}")
    present = {c.word for c in clips}
    missing = [w for w in data.words if w not in present]
    if missing:
        raise KwsError(f"there are no clips of {', '.join(missing)}; put them into folders of these names")
    rng = np.random.default_rng([seed, SPLITS.index(split)])
    labels = {word: i for i, word in enumerate(data.labels)}
    chosen = [Example(labels[c.word], c) for c in clips if c.split == split and c.word in data.words]
    words = len(chosen)
    others: dict[str, list[Clip]] = {}
    silence: list[Clip] = []
    for clip in clips:
        if clip.split == split and clip.word == SILENCE:
            silence.append(clip)
        elif clip.split == split and clip.word not in data.words:
            others.setdefault(clip.word, []).append(clip)
    dealt = _deal([[group[i] for i in rng.permutation(len(group))] for group in others.values()], rng)
    percent = (data.training_unknown_percent if split == TRAINING else 0) or data.unknown_percent
    unknown = math.ceil(words * percent / 100)
    chosen += [Example(labels[UNKNOWN], c) for c in dealt[:unknown]]
    quiet = math.ceil(words * data.silence_percent / 100)
    kept: list[Clip | None] = [silence[i] for i in rng.permutation(len(silence))[:quiet]]
    kept += [None] * (quiet - len(kept))
    return chosen + [Example(labels[SILENCE], c) for c in kept]


def everything(clips: Sequence[Clip], data: DataConfig) -> list[Example]:
    """Every clip as an example, for judging a folder whole.

    Words that are not in ``data.words`` count as unknown; the folders ``_silence_`` and
    ``_unknown_`` are those labels.
    """
    labels = {word: i for i, word in enumerate(data.labels)}
    return [Example(labels.get(c.word, labels[UNKNOWN]), c) for c in clips]


def load(
    chosen: Sequence[Example], data: DataConfig, noise: NoiseSource, progress: Progress | None = None
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int32]]:
    """Read examples into memory.

    A shorter clip is padded with zeros, evenly on both sides; of a longer one the loudest
    window is kept. Examples without a clip become ``noise.silence``.

    Args:
        chosen: what to read.
        data: gives the clip length and the labels.
        noise: where silence is cut from; its ``clip_samples`` must be the data's.
        progress: called with (done, total).

    Returns:
        PCM, int16 ``[n, data.clip_samples]``, and label indices, int32 ``[n]``.

    Raises:
        KwsError: a file cannot be read; the message names it.
    """
    samples = data.clip_samples
    if noise.clip_samples != samples:
        raise KwsError(f"the noise source cuts {noise.clip_samples} samples and the clips have {samples}; use one")
    pcm = np.zeros((len(chosen), samples), np.int16)
    labels = np.array([e.label for e in chosen], np.int32)
    spoken = [(i, e.clip.path) for i, e in enumerate(chosen) if e.clip is not None]
    quiet = [i for i, e in enumerate(chosen) if e.clip is None]
    if quiet:
        pcm[quiet] = noise.silence(len(quiet))

    def fill(item: tuple[int, Path]) -> None:
        pcm[item[0]] = read_fitted(item[1], samples)

    for done, _ in enumerate(_parallel(fill, spoken), start=len(quiet) + 1):
        if progress is not None:
            progress(done, len(chosen))
    return pcm, labels


def _parallel(work: Callable[[tuple[int, Path]], None], items: Sequence[tuple[int, Path]]) -> Iterable[None]:
    with ThreadPoolExecutor(4) as pool:
        try:
            yield from pool.map(work, items)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _deal(groups: list[list[Clip]], rng: np.random.Generator) -> list[Clip]:
    dealt = []
    for turn in range(max(map(len, groups), default=0)):
        # A fresh order each turn: where a turn is cut short, no word is favoured.
        dealt += [groups[i][turn] for i in rng.permutation(len(groups)) if turn < len(groups[i])]
    return dealt
