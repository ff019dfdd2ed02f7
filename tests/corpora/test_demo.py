"""The built-in corpus: true labels, nothing to guess from the text, safe and repeatable files."""

import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from spectrobert import corpora
from spectrobert.corpora import demo
from spectrobert.corpora.demo import synthesis, texts
from spectrobert.corpora.example import Example
from spectrobert.errors import UserError

SPLITS = ("train", "val", "test")
SMALL = 0.02


def load(root: Path, task: str, **options: Any) -> list[Example]:
    return corpora.load("demo", root, task, **options)[0]


def plan(
    task: str, split: str, rows: int = 240
) -> Iterator[tuple[tuple[Any, ...], dict[str, str]]]:
    """The making of each recording, with each row about it; nothing is recorded."""
    for clip in demo._clips(task, 0, split, rows, 0.25):
        for row in clip.rows:
            yield clip.record.args, dict(row)  # type: ignore[attr-defined]


def answers(rows: Iterable[Example], text: str = "reads") -> dict[str, Counter[str]]:
    """Number of rows per text and label."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        found[getattr(row, text)][row.label] += 1
    return found


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus, all tasks, made once."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(params=demo.SIZES)
def task(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# --- what is said is true ---


def named(text: str) -> list[str]:
    """The events of a text, in its order."""
    words = text.replace(",", " ").replace("?", " ").split()
    return [word for word in words if word in texts.NAMES]


def test_a_caption_names_events_of_its_scene_in_their_order() -> None:
    complete = partial = 0
    for (events, *_), row in plan("pre", "train"):
        if "speaker" in row:
            continue
        events_named = named(row["text"])
        assert events_named, row
        assert events_named == [event for event in events if event in events_named]
        complete += events_named == events
        partial += events_named != events
        counts = [word for word in texts.COUNTS if word in row["text"].split()]
        assert counts in ([], [texts.COUNTS[len(events) - 1]])
    assert complete > 50
    assert partial > 20


def test_a_spoken_caption_names_the_words_the_voice_and_the_manner() -> None:
    spoken = [(made, row) for made, row in plan("pre", "train") if "speaker" in row]
    assert len(spoken) == 60
    assert {who.is_woman for (_, who, *_), _ in spoken} == {True, False}
    for (text, who, manner, _), row in spoken:
        words = row["text"].split()
        (how,) = (name for name in demo.EMOTIONS if name in words)
        assert synthesis.MANNERS[how] == manner
        assert row["speaker"] == who.name
        assert ":" not in row["text"] or row["text"].endswith(f": {text}")
        assert ("man" in words) <= (not who.is_woman)
        assert ("woman" in words) <= who.is_woman


@pytest.mark.parametrize("split", SPLITS)
def test_yes_and_no_are_true(split: str) -> None:
    kinds = Counter()
    for (events, _), row in plan("aqa_binary", split):
        asked = named(row["question"])
        places = [events.index(event) if event in events else None for event in asked]
        truth = places[0] is not None if len(asked) == 1 else places[0] < places[1]
        assert row["label"] == ("yes" if truth else "no"), (events, row)
        kinds[len(asked)] += 1
    assert kinds[1] >= 100
    assert kinds[2] >= 20


def test_one_word_answers_are_true() -> None:
    places = {"first": 0, "last": -1}
    asked: set[int | None] = set()
    for (events, _), row in plan("aqa_open", "train"):
        (place,) = [places[word] for word in places if word in row["question"]] or [None]
        truth = texts.COUNTS[len(events) - 1] if place is None else events[place]
        assert row["label"] == truth, (events, row)
        assert len(set(events)) == len(events)
        asked.add(place)
    assert asked == {0, -1, None}


def test_a_sound_is_the_only_one_of_its_recording() -> None:
    labels = Counter()
    for (events, _), row in plan("classification", "train"):
        assert events == [row["label"]]
        labels[row["label"]] += 1
    assert labels == dict.fromkeys(texts.NAMES, 40)


def test_an_emotion_is_in_the_voice() -> None:
    for (text, who, manner, _), row in plan("ser", "train"):
        assert (text, who.name, manner) == (
            row["text"],
            row["speaker"],
            synthesis.MANNERS[row["label"]],
        )


def test_a_sentiment_is_the_sign_of_words_and_voice() -> None:
    polarity = {word: sign for sign, words in texts.ADJECTIVES.items() for word in words}
    voice = {synthesis.MANNERS[name]: sign for sign, name in texts.SENTIMENT_VOICES.items()}
    by_voice: dict[int, Counter[str]] = defaultdict(Counter)
    for (text, _, manner, _), row in plan("sentiment", "train"):
        total = polarity[text.split()[-1]] + voice[manner]
        assert row["label"] == ("negative" if total < 0 else "positive" if total else "neutral")
        by_voice[voice[manner]][row["label"]] += 1
    best = sum(max(labels.values()) for labels in by_voice.values())
    assert best * 9 == sum(c.total() for c in by_voice.values()) * 5  # the voice alone: 5 of 9


@pytest.mark.parametrize("split", SPLITS)
def test_words_and_voice_conflict_in_test_alone(root: Path, split: str) -> None:
    """The label is the voice's; recordings are those of the plain corpus."""
    polarity = {word: sign for sign, words in texts.ADJECTIVES.items() for word in words}
    plain = {row.id: row for row in load(root, "sentiment", size=SMALL) if row.split == split}
    rows = [r for r in load(root, "sentiment", size=SMALL, conflict=True) if r.split == split]
    said = [texts.SENTIMENTS[polarity[row.text.split()[-1]]] for row in rows]
    agree = [row.label == words for row, words in zip(rows, said, strict=True)]
    assert agree == [split != "test"] * len(rows) != []
    shared = [(row, plain[row.id]) for row in rows if row.id in plain]
    assert [own.audio for own, _ in shared] == [other.audio for _, other in shared] != []
    with pytest.raises(UserError, match="conflict=true is of --task sentiment, not ser"):
        next(load(root, "ser", conflict=True))


# --- nothing can be guessed ---


@pytest.mark.parametrize("split", SPLITS)
def test_each_question_is_yes_as_often_as_no(root: Path, split: str) -> None:
    rows = [row for row in load(root, "aqa_binary", size=SMALL) if row.split == split]
    for question, labels in answers(rows, "question").items():
        assert labels["yes"] == labels["no"] > 0, question


@pytest.mark.parametrize("split", SPLITS)
def test_each_open_question_has_its_answers_equally_often(root: Path, split: str) -> None:
    rows = [row for row in load(root, "aqa_open", size=SMALL) if row.split == split]
    for question, labels in answers(rows, "question").items():
        possible = texts.COUNTS if "how many" in question else tuple(synthesis.EVENTS)
        assert set(labels) == set(possible)
        assert len(set(labels.values())) == 1, question


@pytest.mark.parametrize("split", SPLITS)
def test_no_sentence_and_no_speaker_tells_the_emotion(root: Path, split: str) -> None:
    rows = [row for row in load(root, "ser", size=SMALL) if row.split == split]
    for by in ("text", "speaker"):
        for labels in answers(rows, by).values():
            assert set(labels) == set(demo.EMOTIONS)
            assert len(set(labels.values())) == 1


@pytest.mark.parametrize("split", SPLITS)
def test_words_alone_are_right_in_five_of_nine(root: Path, split: str) -> None:
    rows = [row for row in load(root, "sentiment", size=SMALL) if row.split == split]
    best = sum(max(labels.values()) for labels in answers(rows, "text").values())
    assert best * 9 == len(rows) * 5
    assert len(set(Counter(row.label for row in rows).values())) == 1


def test_splits_share_no_speaker_no_clip_and_no_id(root: Path, task: str) -> None:
    rows = load(root, task, size=SMALL)
    assert len({row.id for row in rows}) == len(rows)
    assert Counter(row.split for row in rows).keys() == set(SPLITS)
    for field in ("speaker", "group", "audio"):
        owner: dict[Any, str] = {}
        for row in rows:
            if value := getattr(row, field):
                assert owner.setdefault(value, row.split) == row.split, (field, value)


def test_pre_never_hears_the_test_speakers(root: Path) -> None:
    heard = {row.speaker for row in load(root, "pre", size=SMALL)}
    for task in ("ser", "sentiment"):
        rows = load(root, task, size=SMALL)
        assert not heard & {row.speaker for row in rows if row.split == "test"}
        assert heard & {row.speaker for row in rows if row.split == "train"}


def test_labels_are_those_declared(root: Path) -> None:
    for task, declared in demo.CORPUS.labels.items():
        assert {row.label for row in load(root, task, size=SMALL)} == set(declared)


# --- files ---


def test_recordings_are_sound(root: Path, task: str) -> None:
    for path in {row.audio[0].audio for row in load(root, task, size=SMALL)}:
        info = sf.info(path)
        assert (info.samplerate, info.channels) == (16_000, 1)
        assert (info.format, info.subtype) == ("FLAC", "PCM_16")
        assert 0.8 <= info.duration <= 3.2
        samples, _ = sf.read(path, dtype="float32")
        assert np.sqrt(np.mean(samples**2)) > 0.004  # not silence, and louder than the noise
        assert np.mean(np.abs(samples) >= 127 / 128) < 0.001  # not clipped
        frames = samples[: len(samples) // 400 * 400].reshape(-1, 400)
        assert np.abs(frames).max(axis=1).min() > 0  # no digital silence, whose log is far away


def test_a_seed_decides_everything(tmp_path: Path) -> None:
    def read(place: str, seed: int) -> list[tuple[str, str, str, bytes]]:
        rows = load(tmp_path / place, "aqa_binary", size=SMALL, seed=seed)[:40]
        return [(r.id, r.reads, r.label, Path(str(r.audio[0].audio)).read_bytes()) for r in rows]

    first, again, other = read("a", 3), read("b", 3), read("a", 4)
    assert first == again
    assert [row[0] for row in first] == [row[0] for row in other]
    assert not {row[3] for row in first} & {row[3] for row in other}


def test_a_larger_corpus_holds_the_smaller(root: Path, task: str) -> None:
    small, large = load(root, task, size=SMALL), load(root, task, size=0.15)
    assert set(small) <= set(large)
    assert Counter(r.split for r in large)["train"] > Counter(r.split for r in small)["train"]
    full = Counter(split for split in SPLITS for _ in plan(task, split, demo.SIZES[task][split]))
    assert full == demo.SIZES[task]  # whole blocks: no size is rounded up


@pytest.mark.parametrize(("speech", "spoken"), [(0.0, 0), (0.25, 25), (1.0, 100)])
def test_speech_is_a_part_of_pre(root: Path, speech: float, spoken: int) -> None:
    rows = [row for row in load(root, "pre", size=SMALL, speech=speech) if row.split == "val"]
    assert len(rows) == 100
    assert sum(bool(row.speaker) for row in rows) == spoken


def test_recordings_are_made_once_for_each_recipe(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(root, "ser", size=SMALL)
    written: list[Path] = []
    monkeypatch.setattr(demo, "_write", lambda path, samples: written.append(path))
    load(root, "ser", size=SMALL)
    assert not written
    changed = tmp_path / "synthesis.py"
    changed.write_bytes(Path(synthesis.__file__).read_bytes() + b"\n")
    monkeypatch.setattr(synthesis, "__file__", str(changed))
    load(root, "ser", size=SMALL)
    assert written


def test_a_killed_run_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bytes = Path.write_bytes

    def die_half_way(path: Path, data: bytes) -> int:
        write_bytes(path, data[: len(data) // 2])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", die_half_way)
        with pytest.raises(KeyboardInterrupt):
            load(tmp_path, "ser", size=SMALL)
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert left
    assert not any(path.name.endswith(".flac") for path in left)
    for row in load(tmp_path, "ser", size=SMALL):
        assert len(sf.read(row.audio[0].audio)[0]) > 10_000


def test_two_processes_may_make_it_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from spectrobert import corpora\n"
        "corpora.load('demo', Path(sys.argv[1]), 'sentiment', size=0.02)"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    wanted = {Path(str(r.audio[0].audio)) for r in load(tmp_path, "sentiment", size=SMALL)}
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == wanted
    assert all(sf.info(path).frames for path in wanted)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("size", 0.0, "dataset.size 0.0: must be above 0"),
        ("size", float("nan"), "dataset.size nan"),
        ("size", float("inf"), "dataset.size inf"),
        ("seed", -1, "dataset.seed -1: must be 0 or more"),
        ("speech", 1.5, "dataset.speech 1.5: must be from 0 to 1"),
    ],
)
def test_impossible_options(tmp_path: Path, option: str, value: float, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load(tmp_path, "pre", **{option: value})
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write .*file.*see --data_dir"):
        load(tmp_path / "file", "pre", size=SMALL)
