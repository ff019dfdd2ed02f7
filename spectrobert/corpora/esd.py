"""ESD: 35,000 clips, 350 sentences by ten speakers each of English and Mandarin (Zhou et al. 2021).

The owner's train/evaluation/test folders divide the sentences and share all speakers (they were
made for voice conversion): they are ignored, and splits are carved by speaker. The sexes are
those of its read-me file.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from ..audio.segment import Segment
from ..errors import unknown
from . import Corpus
from .example import Dropped, Example, Traits
from .label_files import index_audio, read_text

# the owner's words, which are also the folders' names
EMOTIONS = ("angry", "happy", "neutral", "sad", "surprise")
LANGUAGES = {
    "mandarin": tuple(f"{n:04}" for n in range(1, 11)),
    "english": tuple(f"{n:04}" for n in range(11, 21)),
}
WOMEN = ("0001", "0002", "0003", "0007", "0009", "0015", "0016", "0017", "0018", "0019")
# They stand after the sentence, in English or (speakers 0001-0010) in Chinese.
TAGS = (*EMOTIONS, "生气", "快乐", "中立", "伤心", "惊喜")
# Mostly tabs between the three columns; a few of the owner's lines have spaces or lack the emotion.
LINE = re.compile(rf"(\d{{4}}_\d{{6}})\s+(.*?)(?:\s+(?:{'|'.join(TAGS)}))?", re.IGNORECASE)


def load(root: Path, task: str, *, language: str = "english") -> Iterator[Example | Dropped]:
    """The clips of one language, labelled by their folder.

    A clip that the speaker's text file does not name has no text.
    """
    if language not in LANGUAGES:
        raise unknown("language of esd", language, LANGUAGES)
    for speaker in LANGUAGES[language]:
        folder = _speaker_folder(root, speaker)
        if folder is None:
            yield Dropped("no folder of this speaker", speaker)
            continue
        fallback = "gb18030" if language == "mandarin" else "cp1252"
        traits = (("sex", "female" if speaker in WOMEN else "male"), ("language", language))
        yield from _load_speaker(folder, speaker, fallback, traits)


def _load_speaker(
    folder: Path, speaker: str, fallback: str, traits: Traits
) -> Iterator[Example | Dropped]:
    """One speaker's clips, and the lines of the text file that no clip has."""
    texts: dict[str, str] = {}
    transcript = folder / f"{speaker}.txt"
    lines = read_text(transcript, fallback=fallback).splitlines()
    for number, line in enumerate(lines, start=1):
        parts = LINE.fullmatch(line.strip())
        if parts is not None:
            texts[parts[1]] = parts[2]
        elif line.strip():
            yield Dropped("not a line of a transcript", f"{transcript.name}:{number}")
    found: set[str] = set()
    for emotion in sorted(path for path in folder.iterdir() if path.name.lower() in EMOTIONS):
        for stem, path in sorted(index_audio(emotion).items()):
            if stem in found:
                yield Dropped("the same clip under two emotions", stem)
                continue
            found.add(stem)
            yield Example(
                id=stem,
                audio=(Segment(path),),
                text=texts.get(stem, ""),
                label=emotion.name.lower(),
                speaker=speaker,
                traits=traits,
            )
    for stem in sorted(texts.keys() - found):
        yield Dropped("no audio file", stem)


def _speaker_folder(root: Path, speaker: str) -> Path | None:
    """The speaker's folder: under `root`, or one or two folders down, as the zip unpacks."""
    for pattern in (speaker, f"*/{speaker}", f"*/*/{speaker}"):
        for folder in sorted(root.glob(pattern)):
            if folder.is_dir():
                return folder
    return None


CORPUS = Corpus(
    load=load,
    tasks=("ser",),
    labels={"ser": EMOTIONS},
    layout="0011/0011.txt and 0011/Angry/[train/]0011_000351.wav, one folder per speaker",
    source="Zhou et al. 2021, arXiv:2105.14762, research use",
    published_counts={"examples": 17500, "speakers": 10} | {f"class {e}": 3500 for e in EMOTIONS},
)
