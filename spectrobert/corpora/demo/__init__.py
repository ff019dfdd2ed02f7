"""The built-in world: sounds and voices synthesised from a seed, for every task, in seconds.

- `pre`: scenes of one to three sound events, captioned in order or by one of them, and utterances,
  captioned with the words, the speaker and the manner.
- `caption`: scenes of one to three sound events, each of which is to be named in order. A training
  scene has one of the wordings, a scene that is scored all of them as references: who hears every
  sound can always write a reference.
- `aqa_binary`: "is there a bell?", "does the bell ring before the siren?". Each question is asked
  of as many scenes with the answer yes as of scenes with the answer no: the text alone is worth
  50 %.
- `aqa_open`: what comes first, what comes last (six answers), how many sounds (three); under each
  question text, all its answers are equally frequent.
- `classification`: which of six sounds a recording holds; no text.
- `ser`: five emotions that are in the voice only; each sentence is said in all five by each of its
  speakers.
- `sentiment`: the words count -1, 0 or 1, the voice -1 (sad), 0 (neutral) or 1 (happy), and the
  label is the sign of the sum: a good film in a sad voice is neutral. All nine pairs are equally
  frequent, so the three labels are too, and the best guess from the words alone, or from the voice
  alone, is right in 5 of 9. With `conflict` the label is the voice's: words and voice agree in
  train and val and disagree in test, where a model that has learnt the words is always wrong.

Rows of `ser` and `sentiment` state the times of their words, which are those of the synthesis.

Question answering has scenes of its own, not those of `pre`. Speakers are disjoint between the
splits of `ser` and `sentiment`, and `pre` never hears their test speakers.
"""

import hashlib
import io
import itertools
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, product
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ...audio.segment import Segment
from ...errors import UserError
from .. import Corpus
from ..example import Example
from . import synthesis
from . import texts as demo_texts
from .synthesis import EVENTS, MANNERS, RATE, Speaker, scene, speaker, utterance, word_times
from .texts import (
    ADJECTIVES,
    CAPTIONS,
    COUNTS,
    EXTREMES,
    HOW_MANY,
    NAMES,
    OPINION,
    ORDER,
    PARTIAL_CAPTIONS,
    PRESENCE,
    SENTENCES,
    SENTIMENT_VOICES,
    SENTIMENTS,
    SPOKEN,
    SUBJECTS,
    words_for,
)

T = TypeVar("T")

# rows at size 1
SIZES: dict[str, dict[str, int]] = {
    "pre": {"train": 2400, "val": 200, "test": 200},
    "caption": {"train": 1800, "val": 402, "test": 802},
    "aqa_binary": {"train": 400, "val": 200, "test": 1000},
    "aqa_open": {"train": 432, "val": 180, "test": 612},
    "classification": {"train": 420, "val": 120, "test": 240},
    "ser": {"train": 640, "val": 160, "test": 240},
    "sentiment": {"train": 720, "val": 180, "test": 270},
}
SPEAKERS = {"train": range(16), "val": range(16, 20), "test": range(20, 26)}
PRE_SPEAKERS = SPEAKERS | {"test": range(26, 28)}

EMOTIONS = tuple(MANNERS)


@dataclass(frozen=True)
class Clip:
    """A recording yet to be made, and the rows that are about it."""

    id: str
    record: Callable[[], NDArray[np.int16]]
    rows: Sequence[Mapping[str, Any]]  # fields of Example


def _rng(seed: int, key: str) -> Generator:
    """Depends on nothing else, so that a larger corpus begins with the smaller one."""
    return np.random.default_rng([seed, *key.encode()])


def _pick(rng: Generator, options: Sequence[T]) -> T:
    return options[int(rng.integers(len(options)))]


def _captioned_scenes(seed: int, split: str, count: int) -> Iterator[Clip]:
    for i in range(count):
        rng = _rng(seed, id := f"pre-{split}-scene-{i:05d}")
        events = rng.permutation(list(NAMES)).tolist()[: rng.choice([1, 2, 3], p=[0.3, 0.5, 0.2])]
        # as people do, half of the captions name one of the sounds only
        named = [_pick(rng, events)] if len(events) > 1 and rng.random() < 0.5 else events
        templates = CAPTIONS[len(named)] if len(named) == len(events) else PARTIAL_CAPTIONS
        caption = _pick(rng, templates).format_map(words_for(named))
        number = COUNTS[len(events) - 1]
        row = {
            "text": caption,
            "content": (*events, number),
            "claims": (*named, number) if number in caption.split() else tuple(named),
        }
        yield Clip(id, partial(scene, events, rng), [row])


def _described_scenes(seed: int, split: str, count: int) -> Iterator[Clip]:
    """Scenes with a caption each in train; others with all wordings, until `count` rows are there.

    One, two and three events come in turn.
    """
    rows = 0
    for i in itertools.count():
        if rows >= count:
            return
        rng = _rng(seed, id := f"caption-{split}-{i:05d}")
        events = rng.permutation(list(NAMES)).tolist()[: 1 + i % 3]
        wordings = CAPTIONS[len(events)]
        kept = [_pick(rng, wordings)] if split == "train" else list(wordings)
        captions = [{"caption": wording.format_map(words_for(events))} for wording in kept]
        rows += len(captions)
        yield Clip(id, partial(scene, events, rng), captions)


def _captioned_speech(seed: int, split: str, count: int) -> Iterator[Clip]:
    cast = _cast(seed, PRE_SPEAKERS[split])
    adjectives = [word for words in ADJECTIVES.values() for word in words]
    for i in range(count):
        rng = _rng(seed, id := f"pre-{split}-speech-{i:05d}")
        how = EMOTIONS[i % len(EMOTIONS)]
        who = cast[i // len(EMOTIONS) % len(cast)]
        opinion = OPINION.format(subject=_pick(rng, SUBJECTS), adjective=_pick(rng, adjectives))
        text = _pick(rng, [_pick(rng, SENTENCES), opinion])
        template = _pick(rng, SPOKEN)
        heard = {"{who}": "woman" if who.is_woman else "man", "{a_how}": how, "{text}": text}
        row = {
            "text": template.format(
                who=heard["{who}"], a_how=f"an {how}" if how == "angry" else f"a {how}", text=text
            ),
            **_of(who),
            "content": tuple(heard.values()),
            "claims": tuple(fact for field, fact in heard.items() if field in template),
        }
        yield Clip(id, partial(utterance, text, who, MANNERS[how], rng), [row])


def _yes_or_no(seed: int, split: str, count: int) -> Iterator[Clip]:
    """Blocks of four scenes; each question is asked of two of them, with opposite answers."""
    for block in range(math.ceil(count / 8)):
        rng = _rng(seed, f"aqa_binary-{split}-block-{block}")
        a, b, c, d, *others = rng.permutation(list(NAMES)).tolist()
        is_there = {
            event: _pick(rng, PRESENCE).format_map(words_for([event])) for event in (a, b, c, d)
        }
        a_then_b, c_then_d = (
            _pick(rng, ORDER).format_map(words_for(pair)) for pair in ([a, b], [c, d])
        )
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
            if rng.random() < 0.25:  # a bystander, that nothing is asked about
                events.insert(int(rng.integers(3)), _pick(rng, others))
            id = f"aqa_binary-{split}-{4 * block + i:05d}"
            rows = [{"question": question, "label": answer} for question, answer in answers.items()]
            yield Clip(id, partial(scene, events, _rng(seed, id)), rows)


def _one_word(seed: int, split: str, count: int) -> Iterator[Clip]:
    """Blocks in which all answers to a question are equally frequent: a scene for each event as
    first or last, of one, two and three events; two questions per scene.
    """
    kinds = len(NAMES)
    for block in range(math.ceil(count / (6 * kinds))):
        rng = _rng(seed, f"aqa_open-{split}-block-{block}")
        how_many = _pick(rng, HOW_MANY)
        for number in (1, 2, 3):
            place = -((block + number) % 2)  # 0 is the first, -1 the last
            extreme = _pick(rng, EXTREMES[place])
            firsts = rng.permutation(list(NAMES))
            lasts = np.roll(firsts, rng.integers(1, kinds))  # never the same event as the first
            for i, (first, last) in enumerate(zip(firsts.tolist(), lasts.tolist(), strict=True)):
                middle = _pick(rng, [event for event in NAMES if event not in (first, last)])
                events = {1: [first], 2: [first, last], 3: [first, middle, last]}[number]
                id = f"aqa_open-{split}-{kinds * (3 * block + number - 1) + i:05d}"
                rows = [
                    {"question": extreme, "label": events[place]},
                    {"question": how_many, "label": COUNTS[number - 1]},
                ]
                yield Clip(id, partial(scene, events, _rng(seed, id)), rows)


def _single_sounds(seed: int, split: str, count: int) -> Iterator[Clip]:
    """One event per recording, all of them equally frequent."""
    for i in range(math.ceil(count / len(NAMES)) * len(NAMES)):
        event = list(NAMES)[i % len(NAMES)]
        id = f"classification-{split}-{i:05d}"
        yield Clip(id, partial(scene, [event], _rng(seed, id)), [{"label": event}])


def _emotions(seed: int, split: str, count: int) -> Iterator[Clip]:
    """One speaker says one sentence in all five manners; then the next speaker, the next one."""
    cast = _cast(seed, SPEAKERS[split])
    for turn in range(math.ceil(count / len(EMOTIONS))):
        who = cast[turn % len(cast)]
        text = SENTENCES[(turn % len(cast) + turn // len(cast)) % len(SENTENCES)]
        for i, how in enumerate(EMOTIONS):
            id = f"ser-{split}-{len(EMOTIONS) * turn + i:05d}"
            spoken = (text, who, MANNERS[how])
            words = word_times(*spoken, _rng(seed, id))
            row = {"text": text, "label": how, **_of(who), "words": words}
            yield Clip(id, partial(utterance, *spoken, _rng(seed, id)), [row])


def _sentiments(seed: int, split: str, count: int, conflict: bool = False) -> Iterator[Clip]:
    """One speaker says a negative, a neutral and a positive sentence in three manners each."""
    cast = _cast(seed, SPEAKERS[split])
    pairs = list(product(ADJECTIVES, SENTIMENT_VOICES))
    kept = [pair for pair in pairs if not conflict or (len(set(pair)) > 1) == (split == "test")]
    for turn in range(math.ceil(count / len(kept))):
        who = cast[turn % len(cast)]
        rng = _rng(seed, f"sentiment-{split}-turn-{turn}")
        subject = _pick(rng, SUBJECTS)
        texts = {
            polarity: OPINION.format(subject=subject, adjective=_pick(rng, words))
            for polarity, words in ADJECTIVES.items()
        }
        for polarity, tone in kept:
            id = f"sentiment-{split}-{9 * turn + pairs.index((polarity, tone)):05d}"
            label = SENTIMENTS[tone if conflict else int(np.sign(polarity + tone))]
            spoken = (texts[polarity], who, MANNERS[SENTIMENT_VOICES[tone]])
            words = word_times(*spoken, _rng(seed, id))
            row = {"text": texts[polarity], "label": label, **_of(who), "words": words}
            yield Clip(id, partial(utterance, *spoken, _rng(seed, id)), [row])


def _cast(seed: int, numbers: Iterable[int]) -> list[Speaker]:
    """The speakers with these numbers; women have the odd ones."""
    return [speaker(f"speaker-{n:02d}", bool(n % 2), _rng(seed, f"speaker-{n}")) for n in numbers]


def _of(who: Speaker) -> dict[str, Any]:
    """Fields of Example that name the speaker."""
    return {"speaker": who.name, "traits": (("sex", "female" if who.is_woman else "male"),)}


PLANS: dict[str, Callable[[int, str, int], Iterator[Clip]]] = {
    "caption": _described_scenes,
    "aqa_binary": _yes_or_no,
    "aqa_open": _one_word,
    "classification": _single_sounds,
    "ser": _emotions,
    "sentiment": _sentiments,
}


def load(
    root: Path,
    task: str,
    *,
    size: float = 1.0,
    seed: int = 0,
    speech: float = 0.25,
    conflict: bool = False,
) -> Iterator[Example]:
    """Yields the rows of one task, after making those recordings that are not yet in `root`.

    `size` scales the train split; the others shrink with it, to 100 rows at the least, and do not
    grow. A larger corpus holds all of a smaller one. `speech` is the part of `pre` that is
    utterances, the rest being scenes. `conflict` is of `sentiment` alone.
    """
    if conflict and task != "sentiment":
        raise UserError(f"dataset.conflict=true is of --task sentiment, not {task}")
    if not 0 < size < math.inf:
        raise UserError(f"dataset.size {size}: must be above 0; 1 is the full corpus")
    if seed < 0:
        raise UserError(f"dataset.seed {seed}: must be 0 or more")
    if not 0 <= speech <= 1:
        raise UserError(f"dataset.speech {speech}: must be from 0 to 1")
    # the path holds all that a recording depends on, so a file that exists is the right one
    folder = root / f"{_recipe()}-seed{seed}" / task
    for split, full in SIZES[task].items():
        rows = full * size if split == "train" else max(100, full * min(size, 1))
        for clip in _clips(task, seed, split, round(rows), speech, conflict):
            path = folder / split / f"{clip.id}.flac"
            if not path.exists():
                _write(path, clip.record())
            for i, row in enumerate(clip.rows):
                id = clip.id if len(clip.rows) == 1 else f"{clip.id}-{i + 1}"
                yield Example(id, (Segment(str(path)),), split=split, group=clip.id, **row)


def _clips(
    task: str, seed: int, split: str, rows: int, speech: float, conflict: bool = False
) -> Iterator[Clip]:
    if conflict:
        return _sentiments(seed, split, rows, conflict)
    if task != "pre":
        return PLANS[task](seed, split, rows)
    spoken = round(rows * speech)
    scenes = _captioned_scenes(seed, split, rows - spoken)
    return chain(scenes, _captioned_speech(seed, split, spoken))


def _recipe() -> str:
    """Changes with the code: nobody trains on what another version has recorded."""
    files = (__file__, demo_texts.__file__, synthesis.__file__)
    sources = (Path(file).read_bytes() for file in files)
    return hashlib.sha256(b"".join(sources)).hexdigest()[:8]


def _write(path: Path, samples: NDArray[np.int16]) -> None:
    """Whole or not at all, even if this process is killed or another writes the same file."""
    import soundfile as sf  # benchmarks/gpu.py needs the sounds alone

    encoded = io.BytesIO()
    sf.write(encoded, samples, RATE, format="FLAC", subtype="PCM_16")
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(encoded.getvalue())
        os.replace(unfinished, path)
    except OSError as error:
        raise UserError(
            f"dataset 'demo': cannot write {path}: {error.strerror}; see --data_dir"
        ) from error


CORPUS = Corpus(
    load=load,
    tasks=tuple(SIZES),
    labels={
        "aqa_binary": ("no", "yes"),
        "aqa_open": (*EVENTS, *COUNTS),
        "classification": tuple(EVENTS),
        "ser": EMOTIONS,
        "sentiment": tuple(SENTIMENTS.values()),
    },
    layout="nothing: the corpus writes its own files",
    source="synthesised by spectrobert.corpora.demo.synthesis; no recordings of people or things",
    needs_root=False,
    words="the synthesis, of tasks ser and sentiment",
)
