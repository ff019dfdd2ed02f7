"""Whole runs of AV-HuBERT: with video and without, pre-training, prediction, bad input."""

import numpy as np
import pytest

from spectrobert import __main__
from spectrobert.commands import train
from spectrobert.errors import UserError
from spectrobert.run import scoring
from spectrobert.run.load import load
from spectrobert.settings import composition

from ..helpers import mouths
from ..helpers.runs import checkpoint, finish
from ..helpers.world import overrides
from .test_composite_runs import on_noise

QUICK = ("trainer.epochs=1", "trainer.batch_size=4", "model=debug_av_hubert")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return mouths.corpus(tmp_path_factory.mktemp("mouths"), rows=16, seconds=0.32)


def words(folder, corpus, name: str, *more: str) -> list[str]:
    task = "pre" if "pre" in name else "classification"
    own = overrides(folder, task, *QUICK, f"experiment_name={name}", *more, from_checkpoint=True)
    table = ["dataset=csv", f"dataset.file={corpus}"]
    return [word for word in own if not word.startswith(("dataset=", "dataset.size"))] + table


def configure(folder, corpus, name: str, *more: str):
    return composition.compose(words(folder, corpus, name, *more))


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory):
    return finish(configure(tmp_path_factory.mktemp("runs"), corpus, "seen"))


def test_a_run_with_video_trains_is_scored_and_predicts(corpus, trained):
    run, results, printed = trained
    assert "video.resnet" in printed
    assert "of video and phones nothing is cached" in printed
    assert scoring.evaluate(run.path).to_dict() == results["test"]
    model, (sound, film) = load(run.path), (corpus.parent / "3.wav", corpus.parent / "3.npy")
    from spectrobert.run.asked_words import Asked

    seen, heard = model.answer([Asked(str(sound), video=str(film)), Asked(str(sound))])
    assert {label for label, _ in seen.ranked} == set(mouths.RHYTHMS)
    assert dict(seen.every) != dict(heard.every)
    np.save(corpus.parent / "long.npy", np.zeros((50, 88, 88), np.uint8))
    (failed,) = model.answer([Asked(str(sound), video=str(corpus.parent / "long.npy"))])
    assert "long.npy: 2.00 s, and its audio ends after 0.32 s" in failed.reason


def test_a_model_that_only_hears_opens_no_video(corpus, trained, tmp_path):
    table = tmp_path / "mouths.csv"
    table.write_text(corpus.read_text().replace(".npy", ".gone"))
    own = (f"dataset.audio_dir={corpus.parent}", "model.streams=[audio]", "freeze=probe")
    more = (f"init.checkpoint={trained[0].path}",)
    run, _, printed = finish(configure(tmp_path, table, "heard", *own, *more))
    assert "pooled states of the speech encoder" in printed  # cached
    with pytest.raises(UserError, match="sees nothing and takes no --video"):
        load(run.path).predict(str(corpus.parent / "3.wav"), video="a.npy")


@pytest.mark.parametrize("name", ["debug_vatlm"])
def test_without_video_the_models_hear(tmp_path, name):
    run, results, _ = finish(on_noise(tmp_path, name, f"model={name}"))
    assert scoring.evaluate(run.path).to_dict() == results["test"]


def test_pretraining_on_units_masks_both_streams(corpus, tmp_path, monkeypatch):
    units = ["units", "--dataset", "csv", f"dataset.file={corpus}", "--clusters", "4"]
    monkeypatch.setattr("sys.argv", ["spectrobert", *units, "--out", str(tmp_path / "units")])
    assert __main__.main() == 0
    more = ("task.objectives={masked_units: 1}", f"task.units={tmp_path / 'units'}")
    more += ("task.masked_units.unmasked=0.5", "model.phones_alone=0.5")
    run, results, _ = finish(configure(tmp_path, corpus, "pre", *more))
    header = run.metrics.read_text()
    assert "train/masked_units_unmasked" in header
    assert results["test"]["metrics"]["masked_units_loss"] > 0
    assert "model.speech.video.conv.weight" in checkpoint(run.path)["state_dict"]


@pytest.mark.parametrize(
    ("file", "array", "why"),
    [
        ("0.npy", np.zeros((8, 80, 80), np.uint8), "80x80; grey frames"),
        ("5.npy", np.zeros((30, 88, 88), np.uint8), "1.20 s, and its audio ends after 0.32 s"),
        ("9.npy", None, "No such file"),
    ],
)
def test_bad_video_ends_a_run_before_it_is_written(corpus, tmp_path, capsys, file, array, why):
    place, table = str(tmp_path / file), tmp_path / "mouths.csv"
    if array is not None:
        np.save(place, array)
    lines = corpus.read_text().splitlines()
    rows = [line.rsplit(",", 1) for line in lines[1:]]
    films = [place if film == file else str(corpus.parent / film) for _, film in rows]
    table.write_text("\n".join([lines[0], *(f"{row[0]},{film}" for row, film in zip(rows, films))]))
    own = words(tmp_path, table, "bad", f"dataset.audio_dir={corpus.parent}")
    assert train.main(own) == 2
    printed = capsys.readouterr().err
    assert place in printed
    assert why in printed
    assert not (tmp_path / "runs" / "bad").exists()
