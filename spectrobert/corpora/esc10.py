"""ESC-10: 400 clips of 5 s, ten classes of environmental sound, five folds.

K. J. Piczak 2015, https://doi.org/10.1145/2733373.2806390; CC BY 3.0 set, single clips CC0, CC BY
or Sampling+. Found in either layout: ESC-10's folders with a `manifest.tsv` (path, fold, category,
freesound_id, take), or the ESC-50 repository (`meta/esc50.csv`, `audio/`), of which the ESC-10
classes are taken. Clips of one source recording are in one fold: test is `fold`, validation the
next, training the rest.

`classification` learns the ten classes, without text. For the other tasks captions, questions and
answers are made from the classes by rule, the same on each machine: `pre`: one of four wordings of
the class, whose `claims` are the classes in their order; `caption`: the same, to be written;
`aqa_binary`: "can you hear X?", and of
scenes "does X come before Y?", each question with as many yes as no in each fold, so that the text
alone is no help; `aqa_open`: "what makes the sound?", and of scenes "what comes first?" and
"what comes last?", one word of ten.

A scene is the first 2.5 s of a clip of one class followed by those of another's, of the same fold,
and is made in both orders. ESC-10 pads with silence at the end, seldom at the beginning: three
clips that do are kept out of scenes.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import numpy as np

from ..audio.segment import Segment
from ..errors import UserError
from . import Corpus
from .example import Example
from .label_files import read_table
from .reference import Reference

FOLDS = 5
SCENE_SECONDS = 2.5  # of each of its clips
# heard only after 2.5 s, or 40 dB below their loudest
LATE = {"4-161579-A", "4-184434-A", "5-201274-A"}
SOUNDS = {  # category -> the answer, and how to put it in a sentence
    "dog": ("dog", "a dog barking"),
    "rain": ("rain", "rain falling"),
    "sea_waves": ("sea", "sea waves"),
    "crying_baby": ("baby", "a baby crying"),
    "clock_tick": ("clock", "a clock ticking"),
    "sneezing": ("sneeze", "a person sneezing"),
    "helicopter": ("helicopter", "a helicopter flying"),
    "chainsaw": ("chainsaw", "a chainsaw running"),
    "rooster": ("rooster", "a rooster crowing"),
    "crackling_fire": ("fire", "a fire crackling"),
}
CAPTIONS = ("{}", "the sound of {}", "{} can be heard", "a recording of {}")
SCENE_CAPTIONS = ("{0}, then {1}", "{0} followed by {1}", "first {0} and then {1}", "{1} after {0}")


class Layout(NamedTuple):
    table: str
    folder: str  # of the audio
    path: str  # column with the file
    source: str  # column with the freesound id


LAYOUTS = (
    Layout("manifest.tsv", "", "path", "freesound_id"),
    Layout("meta/esc50.csv", "audio", "filename", "src_file"),
)


class Clip(NamedTuple):
    id: str  # fold-freesound id-take
    path: str
    fold: int
    category: str
    source: str  # the freesound id


Scene = tuple[Clip, ...]  # one clip, or two in their order


def load(root: Path, task: str, *, fold: int = 1, scenes: int = 2) -> Iterator[Example]:
    """Clips, and the `scenes` that begin with each of them, with captions or questions."""
    if not 1 <= fold <= FOLDS:
        raise UserError(f"esc10 has folds 1 to {FOLDS}, not {fold}")
    clips = sorted(_clips(root))
    split = {fold: "test", fold % FOLDS + 1: "val"}
    for number in range(1, FOLDS + 1):
        of_fold = [clip for clip in clips if clip.fold == number]
        pairs = _pairs([clip for clip in of_fold if clip.id not in LATE], scenes)
        for scene, key, question, text, label in MAKERS[task](of_fold, pairs):
            heard = tuple(clip.category for clip in scene)
            yield Example(
                id="+".join(clip.id for clip in scene) + key,
                audio=_segments(scene),
                text="" if task == "caption" else text,
                caption=text if task == "caption" else "",
                question=question,
                label=label,
                split=split.get(number, "train"),
                group="+".join(f"{clip.fold}-{clip.source}" for clip in scene),
                content=heard,
                claims=heard if text and task == "pre" else (),
            )


def _clips(root: Path) -> Iterator[Clip]:
    layout = next((layout for layout in LAYOUTS if (root / layout.table).is_file()), None)
    if layout is None:
        raise UserError(f"esc10: nothing in {root}; expected there: {CORPUS.layout}")
    table = root / layout.table
    delimiter = "\t" if table.suffix == ".tsv" else ","
    columns = (layout.path, layout.source, "fold", "take", "category")
    for row in read_table(table, columns, delimiter=delimiter):
        if row["category"] in SOUNDS:
            source = row[layout.source]
            id = f"{row['fold']}-{source}-{row['take']}"
            path = str(root / layout.folder / row[layout.path])
            yield Clip(id, path, int(row["fold"]), row["category"], source)


def clips(names: Mapping[str, str]) -> Iterator[Reference]:
    """ESC-10's clips from category -> their ids, separated by space: FOLD-SOURCE-TAKE."""
    for category, words in names.items():
        for word in words.split():
            recording = word.rpartition("-")[0]
            yield Reference(word, category, word.partition("-")[0], recording)


def esc50(path: Path) -> Iterator[Reference]:
    """The clips of the ESC-50 repository's meta/esc50.csv, by their file names."""
    columns = ("filename", "fold", "category", "src_file")
    for row in read_table(path, columns):
        recording = f"{row['fold']}-{row['src_file']}"
        yield Reference(Path(row["filename"]).stem, row["category"], row["fold"], recording)


def _pairs(clips: Sequence[Clip], rounds: int) -> list[tuple[Clip, Clip]]:
    """In each round nearly every clip is in one pair, of two classes. No pair twice."""
    generator = np.random.default_rng(0)
    pairs: dict[frozenset[str], tuple[Clip, Clip]] = {}
    for _ in range(rounds):
        waiting = [clips[i] for i in generator.permutation(len(clips))]
        while waiting:
            one = waiting.pop()
            other = next((clip for clip in waiting if clip.category != one.category), None)
            if other is None:
                break
            waiting.remove(other)
            pairs.setdefault(frozenset((one.id, other.id)), (one, other))
    return list(pairs.values())


def _segments(scene: Scene) -> tuple[Segment, ...]:
    if len(scene) == 1:
        return (Segment(scene[0].path),)
    return tuple(
        Segment(c.path, 0.0, SCENE_SECONDS, i * SCENE_SECONDS) for i, c in enumerate(scene)
    )


# Each maker yields (scene, end of the id, question, text, label), for one fold.
Made = Iterator[tuple[Scene, str, str, str, str]]


def _captions(clips: Sequence[Clip], pairs: Sequence[tuple[Clip, Clip]]) -> Made:
    for scene in [*((clip,) for clip in clips), *pairs, *((b, a) for a, b in pairs)]:
        wordings = CAPTIONS if len(scene) == 1 else SCENE_CAPTIONS
        wording = wordings[crc32("+".join(c.id for c in scene).encode()) % len(wordings)]
        text = wording.format(*(SOUNDS[c.category][1] for c in scene))
        yield scene, "", "", text, ""


def _yes_or_no(clips: Sequence[Clip], pairs: Sequence[tuple[Clip, Clip]]) -> Made:
    generator = np.random.default_rng(0)
    for category, (_, phrase) in SOUNDS.items():
        question = f"can you hear {phrase}?"
        with_it = [clip for clip in clips if clip.category == category]
        others = [clip for clip in clips if clip.category != category]
        without = [others[i] for i in generator.permutation(len(others))[: len(with_it)]]
        yield from (
            ((clip,), f"?{category}", question, "", "yes") for clip in with_it[: len(without)]
        )
        yield from (((clip,), f"?{category}", question, "", "no") for clip in without)
    for pair in pairs:
        first, last = (SOUNDS[clip.category][0] for clip in pair)
        question = f"does the {first} come before the {last}?"
        yield pair, "", question, "", "yes"
        yield pair[::-1], "", question, "", "no"


def _one_word(clips: Sequence[Clip], pairs: Sequence[tuple[Clip, Clip]]) -> Made:
    for clip in clips:
        yield (clip,), "", "what makes the sound?", "", SOUNDS[clip.category][0]
    for scene in [*pairs, *((b, a) for a, b in pairs)]:
        yield scene, "?first", "what comes first?", "", SOUNDS[scene[0].category][0]
        yield scene, "?last", "what comes last?", "", SOUNDS[scene[1].category][0]


def _classes(clips: Sequence[Clip], pairs: Sequence[tuple[Clip, Clip]]) -> Made:
    for clip in clips:
        yield (clip,), "", "", "", clip.category


MAKERS = {
    "pre": _captions,
    "caption": _captions,
    "aqa_binary": _yes_or_no,
    "aqa_open": _one_word,
    "classification": _classes,
}

CORPUS = Corpus(
    load=load,
    tasks=tuple(MAKERS),
    labels={
        "aqa_binary": ("no", "yes"),
        "aqa_open": tuple(sorted(answer for answer, _ in SOUNDS.values())),
        "classification": tuple(sorted(SOUNDS)),
    },
    folds=FOLDS,
    layout="manifest.tsv, or meta/esc50.csv and audio/ (the ESC-50 repository)",
    source="Piczak 2015, doi:10.1145/2733373.2806390, CC BY 3.0 (clips: CC0, CC BY, Sampling+)",
    # questions and captions are made here, not published
    published_counts={"recordings": 40 * len(SOUNDS)},
)
