"""Runs that write texts: trained, resumed, scored again, asked about new sounds, and refused."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl

from spectrobert.commands import predict as verb
from spectrobert.config import Config
from spectrobert.config.tasks import CaptionConfig, DecoderConfig
from spectrobert.errors import EXTRAS, UserError
from spectrobert.run import scoring
from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder
from spectrobert.run.load import load
from spectrobert.run.thresholds import choose
from spectrobert.settings.schemas import dataset_class

from ..helpers.runs import checkpoint, finish, losses, silent
from ..helpers.sounds import noise
from ..helpers.world import configure

pytest.importorskip("aac_metrics")

CAPTIONS = ("A bell rings twice.", "a dog barks", "rain, then a bell", "a dog in the rain")
SPLITS = ("train", "train", "val", "test")
OPTIONS = ("freeze=decoder", "task.write_in_validation=true")  # the encoder is frozen


def table(folder: Path, clips: int = 12) -> str:
    """Clotho's columns, two captions per clip, and a prompt."""
    lines = ["audio,caption_1,caption_2,question,split"]
    for i in range(clips):
        noise(folder / f"audio/{i}.wav", i)
        first, second = CAPTIONS[i // 4 % 4], CAPTIONS[(i // 4 + 1) % 4]
        lines.append(f'audio/{i}.wav,"{first}","{second}",what is heard?,{SPLITS[i % 4]}')
    path = folder / "captions.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def configured(folder: Path, name: str, *more: str, file: str = "") -> Config:
    quick = ("trainer.epochs=2", "trainer.batch_size=4", f"experiment_name={name}")
    own = ("task.decoder.layers=1", "task.decoder.positions=12", "task.max_length=12")
    config = configure(folder, "caption", *own, "task.beams=2", *quick, *more)
    config.dataset = dataset_class("csv")(file=file or table(folder))
    return config


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    """A finished run; its decoder reads cached states."""
    folder = tmp_path_factory.mktemp("captions")
    return finish(configured(folder, "frozen", *OPTIONS))[0]


def test_a_run_is_scored_by_clip_and_again_alike(run):
    results = run.read_results()
    assert results["prefix_cache"]["used"]
    scored = results["test"]
    assert scored["n"] == 6  # three clips, two captions each
    assert scored["metric_n"]["cider_d"] == scored["metric_n"]["bleu_4"] == 3
    assert set(scored["metrics"]) >= {"bleu_1", "rouge_l", "cider_d", "exact_match", "loss"}
    assert set(scored["intervals"]) >= {"bleu_1", "rouge_l", "loss"}
    assert "val/cider_d" in results["last_validation"]
    again = scoring.evaluate(run.path).to_dict()
    for name, value in scored["metrics"].items():
        assert again["metrics"][name] == pytest.approx(value, abs=1e-4), name
    card = run.card.read_text()
    assert "CIDEr-D" in card
    assert "3 clips" in card
    rows = run.read_predictions()
    heard = [row["id"].rpartition("|")[0] for row in rows]
    assert heard == [f"audio/{clip}.wav" for clip in (3, 3, 7, 7, 11, 11)]
    assert rows[0]["references"] == rows[1]["references"]
    assert " | " in rows[0]["references"]
    assert rows[0]["prediction"] == rows[1]["prediction"] != ""
    assert float(rows[0]["log_probability"]) < 0
    mean = np.mean([float(row["rouge_l"]) for row in rows])
    assert mean == pytest.approx(scored["metrics"]["rouge_l"], abs=1e-6)


def test_new_sounds_are_written_about_beams_first(run, tmp_path, capsys):
    model = load(run.path)
    sounds = [noise(tmp_path / f"{i}.wav", 90 + i, seconds=0.3 + 0.2 * i) for i in range(2)]
    found = model.predict(sounds, question="what is heard?")
    for one in found:
        assert one.measure == "log_probability"
        assert len(one.ranked) == 2
        assert one.ranked[0][1] >= one.ranked[1][1]
    alone = model.predict(sounds[0], question="what is heard?")
    assert alone.answer == found[0].answer
    assert alone.ranked[0][1] == pytest.approx(found[0].ranked[0][1], abs=1e-3)
    assert model.predict(sounds[0], top=1).ranked[0][0]  # without a prompt
    with pytest.raises(UserError, match="--question"):
        model.predict(sounds[0], text="a dog")
    for path, form in ((tmp_path / "a.csv", "csv"), (tmp_path / "a.json", "json")):
        verb.predict(run.path, [sounds[0]], output=str(path), format=form)
    (row,) = csv.DictReader((tmp_path / "a.csv").open())
    (answer,) = json.loads((tmp_path / "a.json").read_text())
    assert answer["answers"][0] == {
        "label": row["prediction"],
        "log_probability": pytest.approx(float(row["log_probability"]), abs=1e-5),
    }
    verb.predict(run.path, [sounds[0]])
    assert row["prediction"] in " ".join(capsys.readouterr().out.split())


def test_the_cache_of_frozen_states_changes_no_number(run, tmp_path):
    plain = configured(tmp_path, "plain", *OPTIONS, "trainer.prefix_cache=off")
    plain.dataset = run.read_config().dataset
    found, _, _ = finish(plain)
    for name, curve in losses(run.path).items():
        assert np.array(losses(found.path)[name]) == pytest.approx(np.array(curve), rel=1e-4), name


class Stop(pl.Callback):
    """Ends a run in its second epoch."""

    def on_train_batch_end(self, trainer: pl.Trainer, *rest: object) -> None:
        if trainer.global_step == 4:
            raise KeyboardInterrupt


def test_stopped_and_resumed_is_as_uninterrupted(run, tmp_path):
    again = configured(tmp_path, "stopped", *OPTIONS, "trainer.checkpoint_minutes=0")
    again.dataset = run.read_config().dataset
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        fit(again, silent(), [Stop()])
    again.resume = True
    resumed = RunFolder(finish(again)[0].path)
    assert losses(resumed.path) == losses(run.path)
    for name, value in checkpoint(run.path)["state_dict"].items():
        assert (checkpoint(resumed.path)["state_dict"][name] == value).all(), name


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"max_length": 200}, "task.max_length=200 is more than the 128 positions"),
        ({"beams": 0}, "task.beams=0"),
        ({"label_smoothing": 1.0}, "task.label_smoothing=1.0"),
        ({"no_repeat_ngram": -1}, "task.no_repeat_ngram=-1"),
        ({"length_penalty": float("inf")}, "task.length_penalty=inf"),
    ],
)
def test_options_that_cannot_be(options, line):
    with pytest.raises(UserError, match=line):
        CaptionConfig(**options)
    with pytest.raises(UserError, match=r"task\.decoder\.layers=0"):
        DecoderConfig(layers=0)


@pytest.mark.parametrize(
    ("header", "cells", "line"),
    [
        ("audio,caption,split", "...", "captions have no word, the first: '...'"),
        ("audio,caption,split", "", "column 'caption' is empty"),
        ("audio,caption_1,split", "", "columns? 'caption_1' is empty"),
        ("audio,text,split", "a dog", "no column 'caption' or 'caption_1'"),
    ],
)
def test_captions_without_words_are_refused_and_nothing_is_written(tmp_path, header, cells, line):
    rows = [f"{noise(tmp_path / f'{i}.wav', i)},{cells},{SPLITS[i]}" for i in range(4)]
    path = tmp_path / "bad.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    with pytest.raises(UserError, match=line) as error:
        fit(configured(tmp_path, "bad", file=str(path)), silent())
    assert "\n" not in str(error.value)
    assert not (tmp_path / "runs").exists()


def test_what_needs_labels_is_refused_in_one_line(run, tmp_path):
    with pytest.raises(UserError, match="no classes to detect"):
        choose(run.path)
    with pytest.raises(UserError, match="writes texts"):
        load(run.path).embed([noise(tmp_path / "a.wav", 1)])


def test_a_missing_library_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(EXTRAS, "caption", ("no_such_module",))
    with pytest.raises(UserError, match=r"--task caption needs no_such_module: pip install"):
        fit(configured(tmp_path, "missing"), silent())
    assert not (tmp_path / "runs").exists()
