"""The built-in world: sounds and voices synthesised from a seed, for every task, in seconds.

- `pre`: scenes of one to three sound events, captioned in order, and utterances, captioned with the words, the speaker
  and the manner.
- `aqa_binary`: "is there a bell?", "does the bell ring before the siren?". Each question is asked of as many scenes
  where the answer is yes as of scenes where it is no: the text alone is worth 50 %.
- `aqa_open`: what comes first, what comes last (ten answers), how many sounds (three); all equally often.
- `ser`: five emotions that are in the voice only; each sentence is said in all five by each of its speakers.
- `sentiment`: the words count -1, 0 or 1, the voice -1 (sad), 0 (neutral) or 1 (happy), and the label is the sign of
  the sum: lovely food in a sad voice is neutral. All nine pairs are equally frequent, so the three labels are too, and
  the best guess from the words alone, or from the voice alone, is right in 5 of 9.

Question answering has scenes of its own, not those of `pre`. Speakers are disjoint between the splits of `ser` and
`sentiment`, and `pre` never hears their test speakers.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import numpy as np
import soundfile as sf
from numpy.random import Generator
from numpy.typing import NDArray

from ...errors import UserError
from ..example import Example, Segment
from ..synthesis import EVENTS, MANNERS, RATE, Speaker, scene, speaker, utterance
from . import Corpus

T = TypeVar("T")

VERSION = 3  # part of the folder's name. Raise it when a recording changes, or the old files will still be read

# rows at size 1
SIZES: dict[str, dict[str, int]] = {
    "pre": {"train": 2400, "val": 200, "test": 200},
    "aqa_binary": {"train": 400, "val": 200, "test": 1000},
    "aqa_open": {"train": 420, "val": 180, "test": 600},
    "ser": {"train": 640, "val": 160, "test": 240},
    "sentiment": {"train": 720, "val": 180, "test": 270},
}
SPEAKERS = {"train": range(16), "val": range(16, 20), "test": range(20, 26)}
PRE_SPEAKERS = SPEAKERS | {"test": range(26, 28)}

# event -> what it is called, and what it does
NAMES: dict[str, tuple[str, str]] = {
    "bell": ("a bell", "ring"),
    "siren": ("a siren", "wail"),
    "beep": ("a beep", "repeat"),
    "whistle": ("a whistle", "blow"),
    "drum": ("a drum", "beat"),
    "clock": ("a clock", "tick"),
    "rain": ("rain", "fall"),
    "buzzer": ("a buzzer", "drone"),
    "bird": ("a bird", "sing"),
    "engine": ("an engine", "run"),
}
# by number of events; a, b, c: what is heard first, second, third. Most have no verbs, for a verb gives its noun away.
CAPTIONS: dict[int, tuple[str, ...]] = {
    1: ("there is {a}", "{a} {a_verb}s", "{a} is heard", "one sound: {a}"),
    2: (
        "{a} and then {b}",
        "{a} before {b}",
        "{a} {a_verb}s before {b} {b_verb}s",
        "{a} is heard before {b}",
        "{a} comes first and {b} comes last",
        "two sounds: {a} comes before {b}",
    ),
    3: (
        "{a}, then {b} and then {c}",
        "{a} {a_verb}s, then {b} {b_verb}s and then {c} {c_verb}s",
        "{a} comes first, then {b}, and {c} comes last",
        "three sounds: {a} before {b} before {c}",
    ),
}
PARTIAL_CAPTIONS = CAPTIONS[1][:3]  # true of a scene that holds other sounds as well
PRESENCE = ("is there {a}?", "is {a} heard?", "does {a} {a_verb}?")
ORDER = ("does {the_a} {a_verb} before {the_b}?", "does {the_a} come before {the_b}?", "is {the_a} heard before {the_b}?")
EXTREMES = {0: ("what comes first?", "what is heard first?"), -1: ("what comes last?", "what is heard last?")}
HOW_MANY = ("how many sounds are there?", "how many sounds are heard?")
COUNTS = ("one", "two", "three")

SPOKEN = (
    "a {who} says in {a_how} voice: {text}",
    "{a_how} {who} says: {text}",
    "{a_how} voice says: {text}",
    "the voice of {a_how} {who}",
)
EMOTIONS = tuple(MANNERS)
SENTENCES = (  # words that say nothing of how one feels
    "the book is on the table",
    "we meet at seven today",
    "the dog is at the door",
    "the bus stops near the park",
    "she put the keys in the box",
    "he has two brothers in town",
    "they open the shop at nine",
    "the paper is under the lamp",
    "i will call you in the evening",
    "the red car is in the garage",
)
SUBJECTS = ("the film", "the song", "the party", "the show", "the lesson", "the visit", "the trip", "the game")
ADJECTIVES = {  # alike in their vowels, lest the toy voice give the polarity away to a model that never reads
    -1: ("bad", "poor", "tragic"),
    0: ("fast", "short", "basic"),
    1: ("grand", "good", "magic"),
}
SENTIMENT_VOICES = {-1: "sad", 0: "neutral", 1: "happy"}
SENTIMENTS = {-1: "negative", 0: "neutral", 1: "positive"}


@dataclass(frozen=True)
class Clip:
    """A recording yet to be made, and the rows that are about it."""

    id: str
    record: Callable[[], NDArray[np.int16]]
    rows: Sequence[dict[str, str]]  # fields of Example


def _rng(seed: int, key: str) -> Generator:
    """Depends on nothing else, so that a larger corpus begins with the smaller one."""
    return np.random.default_rng([seed, *key.encode()])


def _pick(rng: Generator, options: Sequence[T]) -> T:
    return options[int(rng.integers(len(options)))]


def _words(events: Sequence[str]) -> dict[str, str]:
    """What the templates above are filled with."""
    words = {}
    for letter, event in zip("abc", events, strict=False):
        words[letter], words[f"{letter}_verb"] = NAMES[event]
        words[f"the_{letter}"] = f"the {event}"
    return words


def _captioned_scenes(seed: int, split: str, count: int) -> Iterator[Clip]:
    for i in range(count):
        rng = _rng(seed, id := f"pre-{split}-scene-{i:05d}")
        events = rng.permutation(list(NAMES)).tolist()[: rng.choice([1, 2, 3], p=[0.3, 0.5, 0.2])]
        # as people do, half of the captions name one of the sounds only
        told = [_pick(rng, events)] if len(events) > 1 and rng.random() < 0.5 else events
        templates = CAPTIONS[len(told)] if len(told) == len(events) else PARTIAL_CAPTIONS
        caption = _pick(rng, templates).format_map(_words(told))
        yield Clip(id, partial(scene, events, rng), [{"text": caption}])


def _captioned_speech(seed: int, split: str, count: int) -> Iterator[Clip]:
    cast = _cast(seed, PRE_SPEAKERS[split])
    adjectives = [word for words in ADJECTIVES.values() for word in words]
    for i in range(count):
        rng = _rng(seed, id := f"pre-{split}-speech-{i:05d}")
        how = EMOTIONS[i % 5]
        who = cast[i // 5 % len(cast)]
        text = _pick(rng, [_pick(rng, SENTENCES), f"{_pick(rng, SUBJECTS)} was {_pick(rng, adjectives)}"])
        caption = _pick(rng, SPOKEN).format(
            who="woman" if who.is_woman else "man", a_how=f"an {how}" if how == "angry" else f"a {how}", text=text
        )
        yield Clip(id, partial(utterance, text, who, MANNERS[how], rng), [{"text": caption, "speaker": who.name}])


def _yes_or_no(seed: int, split: str, count: int) -> Iterator[Clip]:
    """Blocks of four scenes and eight questions; each question is asked of two scenes, with opposite answers."""
    for block in range(math.ceil(count / 8)):
        rng = _rng(seed, f"aqa_binary-{split}-block-{block}")
        a, b, c, d, *others = rng.permutation(list(NAMES)).tolist()
        is_there = {event: _pick(rng, PRESENCE).format_map(_words([event])) for event in (a, b, c, d)}
        a_then_b, c_then_d = (_pick(rng, ORDER).format_map(_words(pair)) for pair in ([a, b], [c, d]))
        asked = [
            ([a, b], {is_there[a]: "yes", is_there[d]: "no"}),
            ([b, a], {is_there[b]: "yes", is_there[c]: "no"}),
            ([c, d], {is_there[a]: "no", is_there[d]: "yes"}),
            ([d, c], {is_there[b]: "no", is_there[c]: "yes"}),
        ]
        if block % 4 == 3:  # order is harder than presence, and asked less often
            asked = [
                ([a, b], {is_there[a]: "yes", a_then_b: "yes"}),
                ([b, a], {is_there[c]: "no", a_then_b: "no"}),
                ([c, d], {is_there[a]: "no", c_then_d: "yes"}),
                ([d, c], {is_there[c]: "yes", c_then_d: "no"}),
            ]
        for i, (events, answers) in enumerate(asked):
            if rng.random() < 0.25:  # a bystander, of whom nothing is asked
                events.insert(int(rng.integers(3)), _pick(rng, others))
            id = f"aqa_binary-{split}-{4 * block + i:05d}"
            rows = [{"question": question, "label": answer} for question, answer in answers.items()]
            yield Clip(id, partial(scene, events, _rng(seed, id)), rows)


def _one_word(seed: int, split: str, count: int) -> Iterator[Clip]:
    """Blocks of thirty scenes and sixty questions; under each question text, all answers are equally frequent."""
    for block in range(math.ceil(count / 60)):
        rng = _rng(seed, f"aqa_open-{split}-block-{block}")
        how_many = _pick(rng, HOW_MANY)
        for number in (1, 2, 3):
            place = -((block + number) % 2)  # 0 is the first, -1 the last
            extreme = _pick(rng, EXTREMES[place])
            firsts = rng.permutation(list(NAMES))
            lasts = np.roll(firsts, rng.integers(1, 10))  # never the same event as the first
            for i, (first, last) in enumerate(zip(firsts.tolist(), lasts.tolist(), strict=True)):
                middle = _pick(rng, [event for event in NAMES if event not in (first, last)])
                events = {1: [first], 2: [first, last], 3: [first, middle, last]}[number]
                id = f"aqa_open-{split}-{30 * block + 10 * (number - 1) + i:05d}"
                rows = [
                    {"question": extreme, "label": events[place]},
                    {"question": how_many, "label": COUNTS[number - 1]},
                ]
                yield Clip(id, partial(scene, events, _rng(seed, id)), rows)


def _emotions(seed: int, split: str, count: int) -> Iterator[Clip]:
    """One speaker says one sentence in all five manners; then the next speaker, the next sentence."""
    cast = _cast(seed, SPEAKERS[split])
    for turn in range(math.ceil(count / len(EMOTIONS))):
        who = cast[turn % len(cast)]
        text = SENTENCES[(turn % len(cast) + turn // len(cast)) % len(SENTENCES)]
        for i, how in enumerate(EMOTIONS):
            id = f"ser-{split}-{len(EMOTIONS) * turn + i:05d}"
            row = {"text": text, "label": how, "speaker": who.name}
            yield Clip(id, partial(utterance, text, who, MANNERS[how], _rng(seed, id)), [row])


def _sentiments(seed: int, split: str, count: int) -> Iterator[Clip]:
    """One speaker says a negative, a neutral and a positive sentence in three manners each."""
    cast = _cast(seed, SPEAKERS[split])
    for turn in range(math.ceil(count / 9)):
        who = cast[turn % len(cast)]
        rng = _rng(seed, f"sentiment-{split}-turn-{turn}")
        subject = _pick(rng, SUBJECTS)
        texts = {polarity: f"{subject} was {_pick(rng, words)}" for polarity, words in ADJECTIVES.items()}
        for i, (polarity, tone) in enumerate(product(texts, SENTIMENT_VOICES)):
            id = f"sentiment-{split}-{9 * turn + i:05d}"
            label = SENTIMENTS[int(np.sign(polarity + tone))]
            manner = MANNERS[SENTIMENT_VOICES[tone]]
            row = {"text": texts[polarity], "label": label, "speaker": who.name}
            yield Clip(id, partial(utterance, texts[polarity], who, manner, _rng(seed, id)), [row])


def _cast(seed: int, numbers: Iterable[int]) -> list[Speaker]:
    """The speakers with these numbers; women have the odd ones."""
    return [speaker(f"speaker-{n:02d}", bool(n % 2), _rng(seed, f"speaker-{n}")) for n in numbers]


PLANS: dict[str, Callable[[int, str, int], Iterator[Clip]]] = {
    "pre_scenes": _captioned_scenes,
    "pre_speech": _captioned_speech,
    "aqa_binary": _yes_or_no,
    "aqa_open": _one_word,
    "ser": _emotions,
    "sentiment": _sentiments,
}


def load(root: Path, task: str, *, size: float = 1.0, seed: int = 0, speech: float = 0.25) -> Iterator[Example]:
    """Yields the rows of one task, after making those recordings that are not yet in `root`.

    `size` scales the train split; the others shrink with it, to 100 rows at the least, and do not grow. What a small
    corpus holds, a larger one holds too. `speech` is the part of `pre` that is utterances, the rest being scenes.
    """
    if not 0 < size < math.inf:
        raise UserError(f"dataset.size {size}: must be above 0; 1 is the full corpus")
    if seed < 0:
        raise UserError(f"dataset.seed {seed}: must be 0 or more")
    if not 0 <= speech <= 1:
        raise UserError(f"dataset.speech {speech}: must be from 0 to 1")
    for split, full in SIZES[task].items():
        count = round(full * size) if split == "train" else max(100, round(full * min(size, 1)))
        parts = {task: count}
        if task == "pre":
            parts = {"pre_scenes": count - round(count * speech), "pre_speech": round(count * speech)}
        for part, rows in parts.items():
            for clip in PLANS[part](seed, split, rows):
                # the name holds all that a recording depends on: a file that exists is the right one
                path = root / f"version{VERSION}-seed{seed}" / task / split / f"{clip.id}.flac"
                if not path.exists():
                    _write(path, clip.record())
                for i, row in enumerate(clip.rows):
                    id = clip.id if len(clip.rows) == 1 else f"{clip.id}-{i + 1}"
                    yield Example(id, (Segment(str(path)),), split=split, group=clip.id, **row)


def _write(path: Path, samples: NDArray[np.int16]) -> None:
    """Whole or not at all, whoever else is writing the same file, and wherever this process is killed."""
    encoded = io.BytesIO()
    sf.write(encoded, samples, RATE, format="FLAC", subtype="PCM_16")
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(encoded.getvalue())
        os.replace(unfinished, path)
    except OSError as error:
        raise UserError(f"dataset 'demo': cannot write {path}: {error.strerror}; see --data_dir") from error


CORPUS = Corpus(
    load=load,
    tasks=tuple(SIZES),
    labels={
        "aqa_binary": ("no", "yes"),
        "aqa_open": (*EVENTS, *COUNTS),
        "ser": EMOTIONS,
        "sentiment": tuple(SENTIMENTS.values()),
    },
    layout="nothing: the corpus writes its own files",
    source="synthesised by spectrobert.data.synthesis; no recordings of people or things",
    needs_root=False,
)
