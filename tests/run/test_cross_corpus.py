"""A run scored on another corpus: common classes alone, masked logits, and rows it has heard."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

import spectrobert
from spectrobert.commands.evaluate import evaluate
from spectrobert.config import Config
from spectrobert.data import synonyms
from spectrobert.errors import UserError
from spectrobert.files import read_table
from spectrobert.run.common_labels import match
from spectrobert.run.cross_corpus import evaluate_on
from spectrobert.run.folder import RunFolder
from spectrobert.run.prefix_cache import storage
from spectrobert.run.pretrained import saved_model
from spectrobert.settings import composition

from ..helpers import world
from ..helpers.csv_file import write_csv
from ..helpers.runs import finish, silent
from ..helpers.sounds import noise

BIAS = {"angry": 0.0, "calm": 1.0, "fearful": 2.0, "sad": 3.0}  # logits of the run, for every clip
# class -> rows of the other corpus, and its speakers in turns
OTHER = {"anger": 4, "calm": 2, "joy": 6}
SPLITS = ("train", "test")
RENAMED = {"labels.map": {"anger": "angry"}}


class World(NamedTuple):
    """A run whose logits are BIAS, and another corpus."""

    run: RunFolder
    own: Path
    other: Path

    def options(self, **more) -> dict:
        return {"dataset.file": str(self.other)} | more


def configured(folder: Path, table: Path, task: str, *more: str) -> Config:
    words = world.overrides(folder, task, "trainer.epochs=1", f"dataset.file={table}", *more)
    of_demo = ("dataset=", "dataset.size=")
    return composition.compose(["dataset=csv", *(w for w in words if not w.startswith(of_demo))])


def with_constant_logits(run: RunFolder, bias: list[float]) -> None:
    """Give the saved model a head that answers the same to every clip."""
    model = saved_model(str(run))
    with torch.no_grad():
        layers = [m for m in model.head.modules() if getattr(m, "out_features", 0) == len(bias)]
        layers[-1].weight.zero_()
        layers[-1].bias.copy_(torch.tensor(bias))
    model.save_pretrained(run.model)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> World:
    folder = tmp_path_factory.mktemp("cross")
    own, other = [], []
    for i in range(48):
        path = noise(folder / "own" / f"{i}.wav", i, 0.2)
        own.append({"audio": path, "label": list(BIAS)[i % 4], "speaker": f"s{i // 4:02}"})
    labels = [label for label, rows in OTHER.items() for _ in range(rows)]
    for i, label in enumerate(labels):
        path = noise(folder / "other" / f"{i}.wav", 100 + i, 0.2)
        line = {"audio": path, "label": label, "speaker": f"t{i % 2}", "split": SPLITS[i % 2]}
        other.append(line)
    tables = write_csv(folder / "own.csv", own), write_csv(folder / "other.csv", other)
    run, _, _ = finish(configured(folder, tables[0], "ser"))
    with_constant_logits(run, list(BIAS.values()))
    return World(run, *tables)


def refusal(prepared: World, *arguments, **options) -> str:
    with pytest.raises(UserError) as caught:
        evaluate_on(prepared.run.path, *arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_decision_is_among_the_common_classes(prepared):
    """Calm 1 wins over angry 0 everywhere; fearful 2 and sad 3 are masked."""
    scores = spectrobert.evaluate(
        prepared.run.path, dataset="csv", options=prepared.options(**RENAMED)
    )
    assert scores.labels == ("angry", "calm")
    assert scores.n == 6
    assert scores.confusion_matrix == [[0, 4], [0, 2]]
    assert scores.values["accuracy"] == pytest.approx(2 / 6)
    assert scores.values["unweighted_accuracy"] == pytest.approx(0.5)
    loss = np.log(1 + np.e) - np.array([0, 1])  # of an angry row, of a calm one
    assert scores.values["loss"] == pytest.approx((4 * loss[0] + 2 * loss[1]) / 6)
    assert scores.common.masked == ("fearful", "sad")
    assert scores.common.left_out == {"joy": 6}
    assert scores.split == "all"
    assert scores.interval.startswith(
        "95 % expanded percentile bootstrap, 1000 resamples of 2 speakers"
    )
    assert {row["group"] for row in scores.predictions} == {"speaker t0", "speaker t1"}
    assert {row["prediction"] for row in scores.predictions} == {"calm"}
    assert {row["p_calm"] for row in scores.predictions} == {f"{np.e / (1 + np.e):.6f}"}


def test_one_split_of_it(prepared):
    """Every second row: two angry ones, one calm one."""
    scores = evaluate_on(
        prepared.run.path, "csv", prepared.options(**RENAMED, **{"dataset.val_share": 0}), "test"
    ).scores
    assert (scores.split, scores.n, scores.confusion_matrix) == ("test", 3, [[0, 2], [0, 1]])


def test_files_and_card(prepared, capsys):
    before = prepared.run.results.read_bytes()
    words = [f"dataset.file={prepared.other}", "labels.map={anger: angry}"]
    evaluate(prepared.run.path, words, dataset="csv", as_json=True)
    printed = json.loads(capsys.readouterr().out)
    folder = prepared.run.cross("csv")
    results = folder.read_results()
    assert results["test"] == printed
    assert printed["cross_corpus"]["left_out"] == {"joy": 6}
    assert (results["dataset"], results["trained_on"]) == ("csv", "csv")
    assert results["split"]["counts"] == {"all": 6}
    assert results["dropped_rows"] == {"class joy, which the run lacks": 6}
    assert [row["label"] for row in folder.read_predictions()].count("angry") == 4
    card = folder.card.read_text()
    for line in (
        "| trained on | csv |",
        "| common to both | angry, calm |",
        "| renamed | anger is angry |",
        "| masked, as the corpus lacks them | fearful, sad |",
        "| left out, as the run lacks them | joy 6 |",
        "| split | all; all rows, whatever their owner's split |",
        "| examples | all 6 |",
    ):
        assert line in card
    assert prepared.run.results.read_bytes() == before
    assert len(read_table(prepared.run.predictions)) != 6
    words.append("dataset.val_share=0")
    evaluate(prepared.run.path, words, dataset="csv", split="train", silence_audio=True)
    shown = " ".join(capsys.readouterr().out.split())
    assert "train split of csv, audio silenced" in shown
    assert "left out, as the run lacks them: joy 6" in shown
    assert prepared.run.cross("csv", "train", is_silenced=True).is_finished
    assert folder.read_results() == results


def test_the_files_of_a_run_stay(prepared):
    with pytest.raises(UserError, match="holds a run, whose files stay"):
        evaluate(prepared.run.path, [], dataset="csv", output=str(prepared.run))


def test_too_few_common_classes_list_both_sides_and_a_hint(prepared):
    message = refusal(prepared, "csv", prepared.options())
    assert message == (
        "the run (csv) and csv have 1 label in common, 2 needed; the run has angry, calm,"
        " fearful, sad; csv has anger, calm, joy; to take these for one class:"
        " 'labels.map={anger: angry}'"
    )


def test_hints_are_never_applied():
    assert synonyms.hints(["fear", "Joy", "boredom"], ["fearful", "happy", "sad"]) == {
        "fear": "fearful",
        "Joy": "happy",
    }
    assert synonyms.hints(["surprize", "calm"], ["surprised"]) == {"surprize": "surprised"}
    assert synonyms.line({}) == ""
    found = match("a", ["angry", "fearful", "sad"], "b", {"angry": 1, "fear": 2, "sad": 3}, {}, 2)
    assert found.names == ("angry", "sad")
    assert found.hint == "to take these for one class: 'labels.map={fear: fearful}'"
    assert found.facts()["hint"] == found.hint


@pytest.mark.parametrize(
    ("options", "split", "message"),
    [
        ({"labels.map": {"anger": "angri"}}, "", "class of the run in labels.map: 'angri' (did"),
        ({"labels.map": {"angst": "angry"}}, "", "class in labels.map: 'angst' (did you mean 'an"),
        (RENAMED, "dev", "--split 'dev': allowed are all, train, val, test"),
        ({"optim.lr": 1}, "", "'optim.lr=1': with --dataset, options of that corpus alone"),
        ({"dataset.fould": 1}, "", "did you mean 'fold'?"),
    ],
)
def test_wrong_options_are_one_line(prepared, options, split, message):
    assert message in refusal(prepared, "csv", prepared.options(**options), split)


def test_rows_that_the_run_was_trained_on_are_refused(prepared, tmp_path):
    """Its own table, which has its speakers; and its recordings under other speakers."""
    own = read_table(prepared.own)
    options = {"dataset.file": str(prepared.own)}
    message = refusal(prepared, "csv", options)
    assert "was trained, or its epoch chosen, on" in message
    assert "speakers of these rows (the first: csv/s0" in message
    others = [row | {"speaker": f"new {row['speaker']}"} for row in own]
    options = {"dataset.file": str(write_csv(tmp_path / "new.csv", others))}
    assert "recordings of these rows (the first: " in refusal(prepared, "csv", options)
    tested = [row for row in own if row["speaker"] in speakers(prepared.run, "test")]
    options = {"dataset.file": str(write_csv(tmp_path / "test.csv", tested))}
    assert evaluate_on(prepared.run.path, "csv", options).scores.n == len(tested)


def speakers(run: RunFolder, split: str) -> list[str]:
    return run.read_results()["split"]["speakers"][split]


def test_a_corpus_that_cannot_be_compared_is_a_caution(prepared, tmp_path):
    moved = prepared.own.rename(prepared.own.with_name("moved.csv"))
    try:
        scores = evaluate_on(prepared.run.path, "csv", prepared.options(**RENAMED)).scores
    finally:
        moved.rename(prepared.own)
    assert scores.caution == "not compared with the training rows, whose corpus cannot be read"


def test_a_run_that_starts_from_one_of_that_corpus_is_a_caution(prepared, tmp_path):
    words = world.overrides(
        tmp_path, "ser", "trainer.epochs=1", "--checkpoint", str(prepared.run), from_checkpoint=True
    )
    run, _, _ = finish(composition.compose(words))
    options = prepared.options(**{"labels.map": {"joy": "happy", "anger": "angry"}})
    scores = evaluate_on(run.path, "csv", options).scores
    assert scores.caution == f"{run} starts from {prepared.run}, which was trained on csv"


def test_clips_are_read_as_the_run_reads_them(prepared):
    config = prepared.run.read_config()
    assert config.dataset.max_seconds == 10.24
    config.dataset.max_seconds = 0.15
    before = prepared.run.config.read_bytes()
    try:
        prepared.run.write_config(config)
        found = evaluate_on(prepared.run.path, "csv", prepared.options(**RENAMED))
    finally:
        prepared.run.config.write_bytes(before)
    audio = found.results["evaluation"]["audio"]
    assert audio == "the first 0.15 s; 6 of 6 clips of all are longer"


def test_statistics_of_speakers_are_those_of_the_other_corpus(prepared, tmp_path):
    words = ("dataset.normalize=speaker", "model.pooled_norm=speaker", "trainer.max_steps=1")
    run, _, _ = finish(configured(tmp_path, prepared.own, "ser", *words))
    scores = evaluate_on(run.path, "csv", prepared.options(**RENAMED)).scores
    assert scores.n == 6
    assert scores.caution.endswith("without their labels (unsupervised adaptation)")
    lines = [row | {"speaker": ""} for row in read_table(prepared.other)]
    nameless = {"dataset.file": str(write_csv(tmp_path / "nameless.csv", lines))}
    with pytest.raises(UserError, match="has no speaker"):
        evaluate_on(run.path, "csv", nameless | RENAMED)


def test_outputs_of_a_frozen_encoder_are_cached_for_it_too(prepared, tmp_path, monkeypatch):
    """Once for all runs with this encoder; the scores are the same without."""
    entries = tmp_path / "prefix"
    monkeypatch.setattr(storage, "folder", lambda: entries)
    words = ["freeze=probe", "model=debug_whisper", f"dataset.file={prepared.own}"]
    quick = ("trainer.epochs=1", "trainer.num_workers=0", "dataset.max_seconds=0.2")
    words += [*quick, f"runs_dir={tmp_path}", "trainer.batch_size=16"]
    run, results, _ = finish(composition.compose(["task=ser", "dataset=csv", *words]))
    assert results["prefix_cache"]["used"]
    console = silent()
    options = prepared.options(**RENAMED)
    first = evaluate_on(run.path, "csv", options, console=console).scores
    assert len([path for path in entries.iterdir() if path.is_dir()]) == 2
    assert "of 6 distinct clips and texts" in console.file.getvalue()
    plain = RunFolder(run.path).read_results()
    plain["prefix_cache"]["used"] = False
    run.write_results(plain)
    again = evaluate_on(run.path, "csv", options).scores
    assert first.values == pytest.approx(again.values, abs=1e-5)
    assert first.confusion_matrix == again.confusion_matrix


@pytest.mark.parametrize(("targets", "names"), [("[dominance,arousal]", ("arousal",))])
def test_numbers_agree_by_name(tmp_path, targets, names):
    """The run's arousal and valence are constant; the other corpus has dominance and arousal."""
    lines = []
    for i in range(24):
        path = noise(tmp_path / "audio" / f"{i}.wav", i, 0.2)
        numbers = {"arousal": i % 5, "valence": (i + 1) % 5, "dominance": (i + 2) % 5}
        lines.append({"audio": path, "speaker": f"s{i // 2}"} | numbers)
    table = write_csv(tmp_path / "numbers.csv", lines)
    more = ("dataset.targets=[arousal,valence]", "dataset.speaker=speaker")
    run, _, _ = finish(configured(tmp_path, table, "dimensional", *more))
    with_constant_logits(run, [2.0, -1.0])
    tested = [line for line in lines if line["speaker"] in speakers(run, "test")]
    options = {
        "dataset.file": str(write_csv(tmp_path / "test.csv", tested)),
        "dataset.targets": ["dominance", "arousal"],
    }
    found = evaluate_on(run.path, "csv", options)
    assert found.scores.targets == names
    assert found.scores.common.masked == ("valence",)
    assert found.scores.common.left_out == {"dominance": 0}
    rows = found.scores.predictions
    assert [float(row["arousal"]) for row in rows] == [line["arousal"] for line in tested]
    assert {row["predicted_arousal"] for row in rows} == {"2.000000"}
    with pytest.raises(UserError, match="0 labels in common, 1 needed"):
        evaluate_on(run.path, "csv", options | {"dataset.targets": ["dominance"]})


def test_pretraining_has_no_labels_to_share(tmp_path):
    run, _, _ = finish(world.configure(tmp_path, "pre", "trainer.epochs=1"))
    with pytest.raises(UserError, match="a pre run has no labels that another corpus could share"):
        evaluate_on(run.path, "ravdess")


@pytest.mark.parametrize(
    ("options", "more", "message"),
    [
        (["labels.map={a: b}"], {}, "options are of another corpus; name it by --dataset"),
        ([], {"dataset": "csv", "recorded": True}, "--recorded takes rows of the run's own corpus"),
        ([], {"dataset": "nowhere"}, "unknown dataset 'nowhere'"),
        ([], {"dataset": "ravdess"}, "dataset 'ravdess': no folder"),
        (["dataset.max_seconds=0"], {"dataset": "emodb"}, "dataset.max_seconds=0"),
    ],
)
def test_a_wrong_call_is_one_line(prepared, options, more, message):
    with pytest.raises(UserError) as caught:
        evaluate(prepared.run.path, options, **more)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_real_corpora_in_one_direction(tmp_path, real_data):
    """Tiny, untrained: the numbers of rows are those of RAVDESS and Emo-DB."""
    folders = [real_data / name for name in ("emodb", "ravdess")]
    if not all(folder.is_dir() for folder in folders):
        pytest.skip(f"no emodb and ravdess in {real_data}")
    quick = ("dataset.max_seconds=0.5", "dataset.check=none", "trainer.max_steps=1")
    words = world.overrides(tmp_path, "ser", f"data_dir={real_data}", *quick)
    words = [word for word in words if not word.startswith(("dataset=", "dataset.size="))]
    run, _, _ = finish(composition.compose(["dataset=emodb", *words]))
    scores = evaluate_on(run.path, "ravdess", {"dataset.check": "none"}).scores
    assert set(scores.labels) == {"angry", "happy", "neutral", "sad"}
    assert scores.n == 3 * 192 + 96
    assert sum(scores.common.left_out.values()) == 4 * 192
    assert len({row["group"] for row in scores.predictions}) == 24
