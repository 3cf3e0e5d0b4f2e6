"""A folder of word folders as a list of clips, split by speaker, and clips as training examples."""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws import audio
from kws.config import BY_SPEAKER, BY_TAKE, SILENCE, UNKNOWN, DataConfig
from kws.datasets.augment import NoiseSource
from kws.errors import KwsError

Progress = Callable[[int, int], None]

BACKGROUND = "_background_noise_"
SYNTHETIC = "synthetic.json"
TRAINING, VALIDATION, TESTING = SPLITS = ("training", "validation", "testing")
LISTS = {VALIDATION: "validation_list.txt", TESTING: "testing_list.txt"}
SUFFIXES = (".wav", ".flac")
LAYOUT = "a folder with one folder of .wav or .flac clips for each word, like words/yes/anna_01.wav"
# Speech Commands' MAX_NUM_WAVS_PER_CLASS
_HASH_RANGE = 2**27 - 1
_TAKE = re.compile(r"(?<=.)(?:[ _\-]+\d+| ?\(\d+\))$")


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


def speaker_of(path: str | Path) -> str:
    """Who speaks in a file, by its name.

    The part before ``_nohash_`` (Speech Commands: ``0a7c2a8d_nohash_0.wav`` is ``0a7c2a8d``);
    otherwise the name up to a trailing take number set off by ``_``, ``-``, a space or brackets
    (``anna_03.wav`` and ``anna (3).wav`` are ``anna``, ``speaker7.wav`` is ``speaker7``).
    """
    stem = Path(path).stem
    if "_nohash_" in stem:
        return stem.split("_nohash_", 1)[0]
    return _TAKE.sub("", stem)


def split_of(name: str | Path, validation_percent: float = 10, testing_percent: float = 10) -> str:
    """The split of a speaker, by Speech Commands' hash rule.

    SHA-1 of the speaker modulo 2^27, as a percentage: below ``validation_percent`` is
    validation, below the sum of both is testing, the rest is training. A clip never changes
    its split when others are added. Source: ``which_set`` in the data set's README.

    Args:
        name: a speaker or a file name (`speaker_of` is applied to it).
        validation_percent: share of speakers in validation, per cent.
        testing_percent: share of speakers in testing, per cent.
    """
    return _hashed(speaker_of(name), validation_percent, testing_percent)


def _hashed(name: str, validation_percent: float, testing_percent: float) -> str:
    digest = hashlib.sha1(os.fsencode(name), usedforsecurity=False).hexdigest()
    percentage = (int(digest, 16) % (_HASH_RANGE + 1)) * (100.0 / _HASH_RANGE)
    if percentage < validation_percent:
        return VALIDATION
    return TESTING if percentage < validation_percent + testing_percent else TRAINING


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
    return hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()


def word_folders(root: Path) -> list[Path]:
    """The word folders in ``root`` in sorted order, without the background noise and hidden folders.

    Raises:
        KwsError: ``root`` is missing or is not a folder.
    """
    if not root.is_dir():
        raise KwsError(f"there is no folder {root}; give {LAYOUT}")
    return sorted(f for f in root.iterdir() if f.is_dir() and not f.name.startswith(".") and f.name != BACKGROUND)


def audio_files(folder: Path) -> list[Path]:
    """The .wav and .flac files in ``folder`` (any case), sorted, without hidden ones."""
    return sorted(f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES and not f.name.startswith("."))


def read_lists(root: Path) -> dict[str, set[str]]:
    """The split lists found in ``root``: split to ``word/stem``; empty where there are none.

    Raises:
        KwsError: a list is there but cannot be read.
    """
    lists = {}
    for split, name in LISTS.items():
        path = root / name
        if not path.exists():
            continue
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise KwsError(f"cannot read {path}: {error}; it must be text, one word/file.wav a line") from error
        lists[split] = {_key(Path(line.strip())) for line in lines if line.strip()}
    return lists


def index(
    root: str | Path, validation_percent: float = 10, testing_percent: float = 10, split_by: str = BY_SPEAKER
) -> list[Clip]:
    """List the clips of a folder of word folders, in sorted order.

    ``validation_list.txt`` and ``testing_list.txt``, where at least one exists, define the split
    (``word/file`` a line; the suffix does not matter; what is in neither is training). Otherwise
    `split_of` does, or, by take, the same rule with ``word/file`` (without the suffix) in the
    place of the speaker. ``_background_noise_`` and hidden files are left out.

    Args:
        root: the folder.
        validation_percent: share of speakers, or takes, in validation, per cent.
        testing_percent: share of speakers, or takes, in testing, per cent.
        split_by: ``speaker`` or ``take`` (``DataConfig.split_by``).

    Raises:
        KwsError: the folder is missing or holds no clips.
    """
    root = Path(root)
    lists = read_lists(root)
    clips = []
    for folder in word_folders(root):
        for path in audio_files(folder):
            speaker = speaker_of(path)
            if lists:
                split = next((s for s, keys in lists.items() if _key(path) in keys), TRAINING)
            else:
                split = _hashed(_key(path) if split_by == BY_TAKE else speaker, validation_percent, testing_percent)
            clips.append(Clip(path, folder.name, speaker, split))
    if not clips:
        raise KwsError(f"there are no clips in {root}; give {LAYOUT}")
    return clips


def collect(roots: Sequence[str | Path], data: DataConfig) -> list[Clip]:
    """List the clips of several folders as if they were one; each is split by its own lists or by hash.

    Where a word was recorded, synthetic clips of it (from a folder that `is_synthetic`) are for
    training only, and those in other splits are left out: what is measured is what people say.

    Args:
        roots: folders of word folders.
        data: the words and the rule of the split.

    Raises:
        KwsError: no folder, the same one twice, or one that is missing or holds no clips.
    """
    folders = [Path(root) for root in roots]
    if not folders:
        raise KwsError(f"there is no folder of clips; give {LAYOUT}")
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise KwsError(f"the same folder is given twice: {', '.join(map(str, folders))}")
    listed = {f: index(f, data.validation_percent, data.testing_percent, data.split_by) for f in folders}
    synthetic = {folder for folder in folders if is_synthetic(folder)}
    recorded = {c.word for folder in folders if folder not in synthetic for c in listed[folder]}
    stand_ins = recorded & set(data.words)
    return [
        clip
        for folder in folders
        for clip in listed[folder]
        if folder not in synthetic or clip.split == TRAINING or clip.word not in stand_ins
    ]


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
        pcm[item[0]] = fit(audio.read(item[1]), samples)

    for done, _ in enumerate(_parallel(fill, spoken), start=len(quiet) + 1):
        if progress is not None:
            progress(done, len(chosen))
    return pcm, labels


def fit(pcm: npt.NDArray[np.int16], samples: int) -> npt.NDArray[np.int16]:
    """Pad int16 ``[n]`` evenly on both sides, or keep its loudest window, to give ``[samples]``."""
    if len(pcm) <= samples:
        before = (samples - len(pcm)) // 2
        return np.pad(pcm, (before, samples - len(pcm) - before))
    energy = np.concatenate([[0], np.cumsum(pcm.astype(np.int64) ** 2)])
    start = int(np.argmax(energy[samples:] - energy[:-samples]))
    return pcm[start : start + samples]


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


def _key(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"
