"""LibriSpeech (Panayotov et al. 2015): read audiobooks, OpenSLR's folders or the Hub's Parquet."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..audio.segment import Segment
from ..errors import UserError, unknown
from . import Corpus
from .example import Dropped, Example
from .label_files import embedded_audio, index_audio, read_parquet, read_text, shards

# OpenSLR's name -> the Hub's names. `all` repeats `clean` and `other`.
SUBSETS = {
    "train-clean-100": ("clean/train.100", "all/train.clean.100"),
    "train-clean-360": ("clean/train.360", "all/train.clean.360"),
    "train-other-500": ("other/train.500", "all/train.other.500"),
    "dev-clean": ("clean/validation", "all/validation.clean"),
    "dev-other": ("other/validation", "all/validation.other"),
    "test-clean": ("clean/test", "all/test.clean"),
    "test-other": ("other/test", "all/test.other"),
}
UTTERANCES = {
    "train-clean-100": 28539,
    "train-clean-360": 104014,
    "train-other-500": 148688,
    "dev-clean": 2703,
    "dev-other": 2864,
    "test-clean": 2620,
    "test-other": 2939,
}
SPLITS = {"train": "train", "dev": "val", "test": "test"}


def load(root: Path, task: str, *, subsets: tuple[str, ...] = ()) -> Iterator[Example | Dropped]:
    """Utterances with lower-cased transcript and speaker; `subsets` empty: all that are there.

    From Parquet the examples carry the encoded audio itself, so consume them one by one.
    """
    for name in subsets:
        if name not in SUBSETS:
            raise unknown("librispeech subset", name, SUBSETS)
    places = {name: _places(root, name) for name in dict.fromkeys(subsets or SUBSETS)}
    missing = [name for name, paths in places.items() if not paths]
    if subsets and missing:
        raise UserError(
            f"librispeech: no {', '.join(missing)} in {root}; expected there: {CORPUS.layout}"
        )
    for name, paths in places.items():
        for path in paths:
            read = _read_folder if path.is_dir() else _read_parquet
            yield from read(path, SPLITS[name.partition("-")[0]])


def published_counts(root: Path, task: str, *, subsets: Sequence[str]) -> dict[str, int]:
    """The utterances of the chosen subsets, or of those that are there, by split."""
    chosen = subsets or [name for name in SUBSETS if _places(root, name)]
    counts: dict[str, int] = {}
    for name in chosen:
        key = f"examples of {SPLITS[name.partition('-')[0]]}"
        counts[key] = counts.get(key, 0) + UTTERANCES[name]
    return counts


def _places(root: Path, subset: str) -> list[Path]:
    """The folder of a subset, or its Parquet files; empty if it is not there."""
    folders = [root / "LibriSpeech" / subset, root / subset]
    found = [[folder] for folder in folders if folder.is_dir()]
    found += [shards(root, name) for name in SUBSETS[subset]]
    return next(filter(None, found), [])


def _read_folder(folder: Path, split: str) -> Iterator[Example | Dropped]:
    for chapter in sorted(path for path in folder.glob("*/*") if path.is_dir()):
        speaker = chapter.parent.name
        audio = index_audio(chapter)
        transcript = chapter / f"{speaker}-{chapter.name}.trans.txt"
        lines = read_text(transcript).split("\n") if transcript.is_file() else []
        for line in filter(None, map(str.strip, lines)):
            utterance, _, text = line.partition(" ")
            yield _example(utterance, audio.pop(utterance, ""), text, speaker, split)
        for utterance in sorted(audio):
            yield Dropped("no transcript", utterance)


def _read_parquet(path: Path, split: str) -> Iterator[Example | Dropped]:
    for number, row in enumerate(read_parquet(path, ("id", "audio", "text", "speaker_id"))):
        utterance = row["id"]
        speaker = "" if row["speaker_id"] is None else str(row["speaker_id"])
        if utterance and isinstance(utterance, str):
            text = row["text"] or ""
            yield _example(utterance, embedded_audio(row["audio"]), text, speaker, split)
        else:
            yield Dropped("no id", f"{path.name} row {number}, id {utterance}")


def _example(
    utterance: str, audio: str | bytes, text: object, speaker: str, split: str
) -> Example | Dropped:
    if not audio:
        return Dropped("no audio file", utterance)
    if not isinstance(text, str) or not text.strip():
        return Dropped("no transcript", utterance)
    text = text.strip().lower()
    return Example(utterance, (Segment(audio),), text=text, split=split, speaker=speaker)


CORPUS = Corpus(
    load=load,
    tasks=("pre",),
    layout="LibriSpeech/train-clean-100/SPEAKER/CHAPTER/*.flac with *.trans.txt, as OpenSLR's "
    "archives unpack, or clean/train.100/*.parquet, as openslr/librispeech_asr holds it",
    source="Panayotov et al. 2015, openslr.org/12; CC BY 4.0",
    published_counts=published_counts,
)
