"""ESC-10 in both layouts: true captions and answers, and scenes that are heard."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from spectrobert import corpora
from spectrobert.audio import io
from spectrobert.corpora import esc10
from spectrobert.corpora.example import Example
from spectrobert.data import drawing, splits
from spectrobert.errors import UserError

from ..helpers.corpus_files import by_split, esc10_folder


def load(root: Path, task: str, **options: Any) -> list[Example]:
    return corpora.load("esc10", root, task, **options)[0]


@pytest.mark.parametrize("task", ["pre", "aqa_binary", "aqa_open"])
def test_both_layouts_give_the_same_but_for_the_paths(tmp_path: Path, task: str) -> None:
    made = []
    for layout, file in (("manifest", "dog/1-1000-A.flac"), ("esc50", "audio/1-1000-A-0.wav")):
        (tmp_path / layout).mkdir()
        examples = load(esc10_folder(tmp_path / layout, layout), task)
        assert examples[0].audio[0].audio == str(tmp_path / layout / file)
        made.append([(e.id, e.text, e.question, e.label, e.split, e.group) for e in examples])
    assert made[0] == made[1]


def test_no_such_folder_or_fold(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"manifest\.tsv"):
        load(tmp_path, "pre")
    with pytest.raises(UserError, match="folds 1 to 5, not 6"):
        load(tmp_path, "pre", fold=6)


def test_number_of_scenes(tmp_path: Path) -> None:
    root = esc10_folder(tmp_path, "manifest")
    for scenes in (0, 1, 3):
        examples = load(root, "pre", scenes=scenes)
        mixed = [e for e in examples if len(e.audio) == 2]
        assert len(examples) - len(mixed) == 40
        labels = Counter(e.label for e in load(root, "classification", scenes=scenes))
        assert labels == dict.fromkeys(esc10.SOUNDS, 4)
        assert 0.8 * 40 * scenes <= len(mixed) <= 40 * scenes


@pytest.mark.parametrize("task", ["pre", "aqa_binary", "aqa_open", "classification"])
@pytest.mark.parametrize("fold", range(1, 6))
def test_real_splits(real_data: Path, task: str, fold: int) -> None:
    examples = load(real_data / "esc10", task, fold=fold)
    assert len(examples) == len({e.id for e in examples})
    folds = {split: {e.id[0] for e in of_split} for split, of_split in by_split(examples).items()}
    assert folds["test"] == {str(fold)}
    assert folds["val"] == {str(fold % 5 + 1)}
    assert len(folds["train"]) == 3
    names, _ = drawing.assign(examples)
    assert names == [e.split for e in examples]
    splits.verify(examples, names, random=False)


def test_real_questions_tell_nothing(real_data: Path) -> None:
    """The text alone is right half of the time, for every text."""
    for of_split in by_split(load(real_data / "esc10", "aqa_binary")).values():
        answers = Counter((e.question, e.label) for e in of_split)
        questions = {question for question, _ in answers}
        assert all(answers[q, "yes"] == answers[q, "no"] > 0 for q in questions)
        assert sum(q.startswith("can you hear") for q in questions) == 10
        recordings = {e.audio[0].audio for e in of_split if len(e.audio) == 1}
        assert sum(len(e.audio) == 1 for e in of_split) == 2 * len(recordings)
    for of_split in by_split(load(real_data / "esc10", "aqa_open")).values():
        answers = Counter((e.question, e.label) for e in of_split)
        for question, total in Counter(e.question for e in of_split).items():
            most = max(count for (q, _), count in answers.items() if q == question)
            assert most / total < 0.15


def test_real_answers_are_true(real_data: Path) -> None:
    """From the folder of each recording, which says what it is."""
    answer_of = {
        "Dog bark": "dog",
        "Rain": "rain",
        "Sea waves": "sea",
        "Baby cry": "baby",
        "Clock tick": "clock",
        "Person sneeze": "sneeze",
        "Helicopter": "helicopter",
        "Chainsaw": "chainsaw",
        "Rooster": "rooster",
        "Fire crackling": "fire",
    }

    def heard(example: Example) -> list[str]:
        ordered = sorted(example.audio, key=lambda segment: segment.onset)
        return [answer_of[Path(str(s.audio)).parent.name.split(" - ")[1]] for s in ordered]

    for example in load(real_data / "esc10", "aqa_open"):
        position = -1 if example.question == "what comes last?" else 0
        assert example.label == heard(example)[position]
    phrases = dict(esc10.SOUNDS.values())
    for example in load(real_data / "esc10", "aqa_binary"):
        if len(example.audio) == 1:
            is_true = example.question == f"can you hear {phrases[heard(example)[0]]}?"
        else:
            first, last = heard(example)
            is_true = example.question == f"does the {first} come before the {last}?"
        assert example.label == ("yes" if is_true else "no")
    captions = defaultdict(set)
    for example in load(real_data / "esc10", "pre"):
        named = [phrases[sound] for sound in heard(example)]
        assert all(phrase in example.text for phrase in named)
        if " after " in example.text:
            named.reverse()
        assert [*named] == sorted(named, key=example.text.index)
        captions[example.claims].add(example.text)
    assert len(captions["dog",]) == 4


def test_real_scenes_are_heard(real_data: Path) -> None:
    examples = load(real_data / "esc10", "pre")
    assert sum(len(e.audio) == 1 for e in examples) == 400
    scenes = [e for e in examples if len(e.audio) == 2]
    assert 780 <= len(scenes) <= 800
    stretches = {segment._replace(onset=0.0) for scene in scenes for segment in scene.audio}
    assert len(stretches) == 397
    for audio, start, end, _ in stretches:
        samples = io.read(audio, start, end)
        assert samples.shape == (40_000,)
        loudest = max(abs(io.read(audio)).max(), 1e-9)
        assert abs(samples).max() > 0.1 * loudest, audio
    clip = io.read_clip(scenes[0].audio)
    first, last = (io.read(s.audio, s.start, s.end) for s in scenes[0].audio)
    assert clip.shape == (80_000,)
    assert clip[:40_000] == pytest.approx(first)
    assert clip[40_000:] == pytest.approx(last)
