"""The audit on planted models, whose needs are known: one reads, one hears, one does both.

A clip's sound and its word are each worth -1, 0 or 1; the label is the sign of their sum. All nine
pairs are said by each of four test speakers, so that every figure can be counted by hand.
"""

import csv
import json
import shutil
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from spectrobert.commands.evaluate import evaluate as verb
from spectrobert.data.clips import RowKey
from spectrobert.data.partners import partners
from spectrobert.errors import UserError
from spectrobert.models.model import Output
from spectrobert.run import conditions
from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder
from spectrobert.run.reliance import controls
from spectrobert.run.reliance.audit import audit
from spectrobert.settings.schemas import dataset_class

from ...helpers.runs import silent
from ...helpers.world import configure

WORDS = {-1: "bad", 0: "fine", 1: "good"}
LABELS = {-1: "a-negative", 0: "b-neutral", 1: "c-positive"}
SPEAKERS = {"train": 2, "val": 1, "test": 4}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    """A run of one epoch; what it has learnt does not matter."""
    place = tmp_path_factory.mktemp("audit")
    rows = []
    for split, speakers in SPEAKERS.items():
        for speaker, (word, tone) in product(range(speakers), product(WORDS, WORDS)):
            name = f"{split}-{speaker}{word:+d}{tone:+d}"
            generator = np.random.default_rng([speaker, word + 1, tone + 1, len(split)])
            wave = 0.3 * tone + 0.05 * generator.standard_normal(4000 + 100 * speaker)
            soundfile.write(place / f"{name}.wav", wave.astype(np.float32), 16_000)
            label = LABELS[int(np.sign(word + tone))]
            rows.append([f"{name}.wav", WORDS[word], label, f"{split}{speaker}", split])
    with (place / "clips.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["audio", "text", "label", "speaker", "split"], *rows])
    config = configure(place, "classification", "trainer.epochs=1")
    config.dataset = dataset_class("csv")(file=str(place / "clips.csv"))
    fit(config, silent())
    return RunFolder.of(config)


def plant(monkeypatch, hears: bool, reads: bool) -> None:
    """Every run that is opened answers by the sign of what it hears and reads."""
    opened = conditions.scoring.opened

    def planted(*given):
        config, task, data = opened(*given)
        known = data.read_options.tokenizer
        worth = {known(word)["input_ids"][1]: value for value, word in WORDS.items()}

        def forward(batch):
            total = torch.zeros(len(batch["index"]))
            for row in range(len(total)):
                if hears:
                    wave = batch["waveform"][row, : batch["num_samples"][row]]
                    total[row] += torch.round(wave.mean() / 0.3)
                if reads:
                    total[row] += sum(worth.get(int(i), 0) for i in batch["input_ids"][row])
            logits = torch.nn.functional.one_hot(total.sign().long() + 1, 3).float()
            return Output(torch.zeros(len(total), 1, 4), torch.ones(len(total), 1), logits)

        task.forward = forward
        return config, task, data

    monkeypatch.setattr(conditions.scoring, "opened", planted)


def test_a_model_of_both_needs_both(run, monkeypatch):
    plant(monkeypatch, hears=True, reads=True)
    found = audit(run.path)
    assert found.metric == "unweighted_accuracy"
    assert found.unit == "4 speakers"
    scores = {one.name: one.score.value for one in found.outcomes}
    assert scores[conditions.PLAIN] == 1
    # words alone, or sounds alone, are right in 5 of 9; a constant answer is in 1 of 3
    for name in (controls.SILENCED, controls.WORDLESS, controls.NOISE, controls.NEUTRAL):
        assert scores[name] == pytest.approx(5 / 9)
        lost = found.share(name)
        assert lost.value == pytest.approx((1 - 5 / 9) / (1 - 1 / 3))
        assert lost.interval == pytest.approx((lost.value, lost.value))  # alike for each speaker
    assert scores[controls.REVERSED] == 1  # a mean has no direction
    assert scores[controls.NEITHER] == pytest.approx(1 / 3)
    assert found.share(controls.NEITHER).value == pytest.approx(1)
    assert scores[controls.OTHER_SOUND] < 1
    sound, words, conflict = found.verdict()
    assert sound.startswith("sound: needed; share of the score that is lost without: 0.667")
    assert words.startswith("words: needed")
    # 6 of 9 pairs differ; in (0, +-1) the sum follows the sound, in (+-1, 0) the words
    assert (found.conflicts.n, len(found.conflicts.clips)) == (36, 24)
    assert found.conflicts.follows_sound.value == pytest.approx(1 / 3)
    assert found.conflicts.follows_words.value == pytest.approx(1 / 3)
    assert found.conflicts.right.value == 1
    assert "24 of 36" in conflict


@pytest.mark.parametrize(
    ("planted", "unused", "used"),
    [
        ({"hears": False, "reads": True}, controls.OF_SOUND, controls.SILENCED),
        ({"hears": True, "reads": False}, controls.OF_WORDS, controls.WORDLESS),
    ],
)
def test_what_is_ignored_is_worth_nothing(run, monkeypatch, planted, unused, used):
    plant(monkeypatch, **planted)
    found = audit(run.path)
    assert found.outcomes[0].score.value == pytest.approx(5 / 9)
    for name in unused:
        assert found.share(name).value == 0
        assert found.share(name).interval == (0, 0)
        assert found.outcome(name).changed == 0
    ignored, needed = found.verdict()[:2] if not planted["hears"] else found.verdict()[1::-1]
    assert "not needed" in ignored
    assert ": needed" in needed
    follows = (found.conflicts.follows_sound.value, found.conflicts.follows_words.value)
    assert follows.index(1.0) == (0 if planted["hears"] else 1)


def test_a_constant_model_has_no_shares(run, monkeypatch):
    plant(monkeypatch, hears=False, reads=False)
    found = audit(run.path)
    assert all(one.lost is None for one in found.outcomes)
    assert "not above a constant answer" in found.verdict()[0]
    assert found.verdict()[2] == "conflicts: none in 36 rows"


def test_folds_are_one_test_set(run, monkeypatch, tmp_path):
    for fold in (1, 2):
        shutil.copytree(run.path, tmp_path / f"seed0/fold{fold}")
    plant(monkeypatch, hears=True, reads=True)
    found = audit(tmp_path / "seed0")
    assert {one.n for one in found.outcomes} == {72}
    assert found.outcome(controls.SILENCED).score.value == pytest.approx(5 / 9)
    assert (found.conflicts.n, len(found.conflicts.clips)) == (72, 48)
    found.write(RunFolder(tmp_path / "seed0"))
    assert (tmp_path / "seed0/audit/test.json").is_file()
    with pytest.raises(UserError, match="is not a run directory"):
        audit(tmp_path)


def test_a_real_run_is_printed_and_written(run, capsys):
    verb(run.path, audit=True, neutral="so it is")
    printed = capsys.readouterr()
    assert "audio of another clip" in printed.out
    assert "paired" in printed.out
    assert str(run.audit("test")) in printed.err
    stored = json.loads(run.audit("test").read_text(encoding="utf-8"))
    assert stored["conditions"][0]["name"] == conditions.PLAIN
    assert stored["neutral_text"] == "so it is"
    reported = run.read_scores()["metrics"]["unweighted_accuracy"]
    assert stored["conditions"][0]["score"][0] == pytest.approx(reported)
    card = run.card.read_text(encoding="utf-8")
    assert "audio of another clip" in card
    assert (
        "Not measured: `evaluate --stress`, `evaluate --slices`, `calibrate`, `evaluate --spoken`."
        in card
    )
    assert card.count("## What the score stands on") == 1
    with run.audit_conflicts("test").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == stored["conflicts"]["clips"]
    assert all(row["by_sound"] != row["by_words"] for row in rows)
    assert all(Path(row["audio"]).suffix == ".wav" for row in rows)


def test_a_corpus_without_texts_has_no_conditions_of_words(run, monkeypatch):
    plant(monkeypatch, hears=True, reads=True)
    monkeypatch.setattr(controls, "columns", without_texts(controls.columns))
    found = audit(run.path)
    assert [one.name for one in found.outcomes] == [conditions.PLAIN, *controls.OF_SOUND]
    assert found.conflicts is None
    assert found.verdict()[1] == "words: not measured: no row has any, or the model takes none"


def without_texts(columns):
    def read(split, *names):
        table = columns(split, *names)
        if names != ("text",):
            return table
        return {"text": columns(split, "speaker")["speaker"].cast("string").fill_null("")[:0]}

    return read


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"neutral": "so"}, "--neutral goes with --audit"),
        ({"audit": True, "dataset": "emodb"}, "--dataset: not with --audit"),
        ({"audit": True, "silence_audio": True}, "--silence_audio: not with --audit"),
        ({"audit": True, "split": "train"}, "--split 'train': allowed are val, test"),
    ],
)
def test_wrong_calls_are_one_line(run, options, message):
    with pytest.raises(UserError, match=message):
        verb(run.path, **options)


def test_partners_are_of_another_kind_and_taken_alike():
    kinds = ["a", "a", "b", "c", "c", "d"]
    chosen = partners(kinds)
    assert all(kinds[other] != kinds[row] for row, other in enumerate(chosen))
    assert partners(kinds).tolist() == chosen.tolist()
    strata = ["x", "y", "x", "y", "x", "z"]
    for row, other in enumerate(partners(kinds, strata)):
        assert strata[other] == strata[row]
    assert partners(kinds, strata)[5] == 5  # alone in its stratum


def test_controls_change_what_they_name(run):
    found = conditions.Conditions.of_run(run.path, "test")
    clips = found.data.heard
    plain = clips[RowKey(0, 3)]
    silent_clip = controls.silenced(clips, 3, plain)["waveform"]
    assert not silent_clip.any()
    assert len(silent_clip) == len(plain["waveform"])
    loud = controls.noise(clips, 3, plain)["waveform"]
    assert np.sqrt((loud**2).mean()) == pytest.approx(
        np.sqrt((plain["waveform"] ** 2).mean()), 0.05
    )
    assert (controls.noise(clips, 3, plain)["waveform"] == loud).all()
    backwards = controls.backwards(clips, 3, plain)["waveform"]
    assert (backwards[::-1] == plain["waveform"]).all()
    made = controls.controls(clips, "fine", found.task.model.config)
    other = made[controls.OTHER_SOUND](clips, 3, plain)["waveform"]
    assert any(np.array_equal(other, clips.sound(row)) for row in range(len(clips)) if row != 3)
    assert not np.array_equal(other, plain["waveform"])
    assert len(controls.wordless(clips, 3, plain)["input_ids"]) == 2  # [CLS] [SEP]
    assert made[controls.OTHER_TEXT](clips, 3, plain)["input_ids"].tolist() != (
        plain["input_ids"].tolist()
    )


@pytest.mark.parametrize(
    ("lacks", "left"), [("reads", controls.OF_SOUND), ("hears", controls.OF_WORDS)]
)
def test_what_a_model_has_no_encoder_for_is_not_changed(run, lacks, left):
    clips = conditions.Conditions.of_run(run.path, "test").data.heard
    assert tuple(controls.controls(clips, "fine", SimpleNamespace(**{lacks: False}))) == left
