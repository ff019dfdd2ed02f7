"""The classic recipe: features of clips, support vector machines, and a run like any other."""

import csv
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from sklearn.svm import SVC

from spectrobert.audio import opensmile_features
from spectrobert.commands import train
from spectrobert.experiments import campaign, table_rows, table_spec
from spectrobert.experiments.jobs import Settings
from spectrobert.run import scoring
from spectrobert.run.classic import svm
from spectrobert.run.classic.svm import Machine, Rows, standardise
from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder
from spectrobert.settings import composition
from spectrobert.settings.ineffective import ineffective

from ..helpers.sounds import noise

NUM_SPEAKERS, LOUDNESS = 8, {"loud": 0.9, "quiet": 0.2}


def rows(seed: int, n: int = 40, classes: int = 3) -> Rows:
    """Three classes around three points, with two speakers."""
    generator = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    features = np.eye(classes, 5)[labels] * 2 + generator.normal(0, 1, (n, 5))
    return Rows(features.astype(np.float32), labels, [f"s{i % 2}" for i in range(n)])


def test_features_are_standardised_by_the_training_rows():
    train = np.array([[1.0, 5.0, np.nan], [3.0, 5.0, 2.0], [np.nan, 5.0, 4.0]])
    asked = np.array([[4.0, 9.0, np.inf], [2.0, 5.0, 5.0]])
    assert standardise(asked, train).tolist() == [[2.0, 0.0, 0.0], [0.0, 0.0, 2.0]]


def test_each_speaker_has_mean_0_and_deviation_1_over_all_splits():
    one = Rows(np.array([[1.0], [10.0]]), np.array([0, 1]), ["a", "b"])
    two = Rows(np.array([[3.0], [30.0]]), np.array([1, 0]), ["a", "b"])
    made = svm.by_speaker([one, two])
    assert [part.features.tolist() for part in made] == [[[-1.0], [-1.0]], [[1.0], [1.0]]]
    assert [part.labels.tolist() for part in made] == [[0, 1], [1, 0]]


@pytest.mark.parametrize(("name", "kind"), [("linear_svm", "linear"), ("rbf_svm", "rbf")])
def test_the_machines_are_scikit_learns(name, kind):
    train, asked = rows(0), rows(1).features
    made = Machine(name, train, 3).margins(asked)(0.3)
    theirs = SVC(kernel=kind, C=0.3, class_weight="balanced")
    theirs.fit(standardise(train.features, train.features), train.labels)
    expected = theirs.decision_function(standardise(asked, train.features))
    np.testing.assert_allclose(made, expected, rtol=0, atol=1e-6)


def test_a_class_without_rows_comes_last_and_two_classes_have_two_margins():
    train = rows(0, classes=2)
    margins = Machine("linear_svm", train, 3).margins(train.features)(1.0)
    assert margins.shape == (40, 3)
    np.testing.assert_allclose(margins[:, 0], -margins[:, 1])
    assert (margins[:, 2] < margins[:, :2].min()).all()
    assert (margins.argmax(axis=1) == train.labels).mean() > 0.8


@pytest.fixture
def made(monkeypatch) -> list[float]:
    """Three features in place of openSMILE's, and how often they were computed."""
    calls: list[float] = []

    def functionals(wave: np.ndarray, feature_set: str) -> np.ndarray:
        calls.append(float(abs(wave).max()))
        return np.array([abs(wave).mean(), wave.std(), 1.0], np.float32)

    monkeypatch.setattr(opensmile_features, "functionals", functionals)
    monkeypatch.setattr(opensmile_features, "version", lambda: "test")
    monkeypatch.setitem(train.exit_code.__globals__["EXTRAS"], "classic", ())
    return calls


def corpus(folder: Path) -> Path:
    """Loud and quiet noise of eight speakers, of whom some have a louder microphone."""
    lines = ["audio,label,speaker,split"]
    for i in range(4 * NUM_SPEAKERS):
        speaker, label = i // 4, ("loud", "quiet")[i % 2]
        path = folder / f"{i}.wav"
        noise(path, i)
        import soundfile

        wave, rate = soundfile.read(path)
        soundfile.write(path, wave * LOUDNESS[label] / (1 + speaker), rate)
        split = "test" if speaker < 2 else "train"
        lines.append(f"{path},{label},s{speaker},{split}")
    table = folder / "t.csv"
    table.write_text("\n".join(lines) + "\n")
    return table


def words(table: Path, *more: str) -> list[str]:
    return [
        *("task=classification", "dataset=csv", f"dataset.file={table}"),
        *("classic.features=egemaps", "dataset.val_speakers=2", "trainer.num_workers=0"),
        *(f"runs_dir={table.parent / 'runs'}", *more),
    ]


def run(table: Path, *more: str) -> tuple[RunFolder, dict, str]:
    config = composition.compose(words(table, *more))
    printed = io.StringIO()
    results = fit(config, Console(file=printed, width=200))
    return RunFolder.of(config), results, printed.getvalue()


def test_a_run_is_whole_and_scored_as_any_other(tmp_path, made):
    folder, results, printed = run(corpus(tmp_path), "dataset.normalize=speaker")
    assert len(made) == 32
    assert results == folder.read_results()
    assert "licensed for private use, research and education only" in printed
    assert results["test"]["metrics"]["unweighted_accuracy"] == 1.0  # loud of its speaker
    assert results["test"]["n"] == 8
    assert results["monitor"]["value"] == results["last_validation"]["val/unweighted_accuracy"]
    assert results["classic"]["cost"] == 1e-5  # the smallest of equals
    assert results["classic"]["fitted on"] == "train and validation"
    assert results["split"]["counts"] == {"train": 16, "val": 8, "test": 8}
    with folder.predictions.open(newline="") as file:
        predictions = list(csv.DictReader(file))
    assert all(row["label"] == row["prediction"] for row in predictions)
    assert predictions[0]["group"] == "speaker s0"
    for path in (folder.config, folder.split, folder.skipped, folder.card):
        assert path.is_file()
    card = folder.card.read_text()
    assert "openSMILE eGeMAPSv02, 3 functionals (opensmile test; research use only)" in card
    for shown in (card, printed, results["test"]["caution"]):
        assert "each speaker's own clips, those of this split included, without" in shown


def test_the_statistics_of_training_do_not_know_the_speakers(tmp_path, made):
    _, results, _ = run(corpus(tmp_path))
    assert results["test"]["metrics"]["unweighted_accuracy"] < 1.0
    assert "caution" not in results["test"]


def test_features_are_cached_as_long_as_the_recording_is_the_same(tmp_path, made):
    table = corpus(tmp_path)
    run(table)
    made.clear()
    run(table, "experiment_name=again")
    assert made == []
    shutil.copy(tmp_path / "0.wav", tmp_path / "5.wav")
    noise(tmp_path / "7.wav", 99)
    run(table, "experiment_name=changed", "dataset.check=none")
    assert len(made) == 2


def test_validation_is_scored_and_test_not_read_in_an_inner_fold(tmp_path, made):
    arguments = words(corpus(tmp_path), "dataset.inner_folds=3")
    config = composition.compose([w for w in arguments if "val_speakers" not in w])
    results = fit(config, Console(file=io.StringIO()))
    assert len(made) == 24
    assert "test" not in results
    assert results["val"]["n"] == 8
    assert results["classic"]["fitted on"] == "train"


def test_an_unreadable_clip_is_left_out_and_listed(tmp_path, made):
    table = corpus(tmp_path)
    (tmp_path / "9.wav").write_bytes(b"no sound")
    more = ["dataset.check=none", "dataset.max_skipped=0.2"]
    folder, _, printed = run(table, *more)
    assert "1 of 16 clips of train could not be read" in printed or "of val could" in printed
    assert "9.wav" in folder.skipped.read_text()


def test_a_table_and_its_paired_test_take_such_rows(tmp_path, made):
    path = corpus(tmp_path)
    table = tmp_path / "mine.yaml"
    own = "[classic.features=egemaps, dataset.val_speakers=2, trainer.num_workers=0"
    table.write_text(
        "title: t\ntask: classification\ndataset: csv\nmetrics: [accuracy]\nbaseline: a\nrows:\n"
        f"  - {{name: a, overrides: {own}]}}\n"
        f"  - {{name: b, overrides: {own}, dataset.normalize=speaker]}}\n"
    )
    settings = Settings(runs_dir=str(tmp_path / "runs"), overrides=(f"dataset.file={path}",))
    asked = campaign.prepare(table_spec.load(str(table)), settings)
    for job in asked.jobs:
        fit(job.config, Console(file=io.StringIO()))
    lines = table_rows.lines(asked.table, asked.jobs, {})
    assert [line.finished for line in lines] == [1, 1]
    assert lines[1].cells["accuracy"].mean == 1.0
    assert lines[1].comparison is not None
    assert "without their labels" in lines[1].caution
    page = campaign.write_report(tmp_path / "page.html", "", asked, lines).read_text()
    assert "linear SVM" in page


def test_a_run_without_a_network_is_not_evaluated_again(tmp_path, made):
    folder, _, _ = run(corpus(tmp_path))
    with pytest.raises(Exception, match=r"classic\.features=egemaps: it has no network"):
        scoring.evaluate(folder.path)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["task=dimensional"], "--task dimensional: allowed are classification, ser, sentiment"),
        (["dataset.normalize=clip"], "dataset.normalize=clip: allowed are auto, corpus, speaker"),
        (["dataset.silence_audio=true"], "leaves nothing to hear"),
        (["classic.costs=[0]"], "classic.costs=[0.0]: each must be above 0"),
        (["classic.features=mfcc"], "classic.features='mfcc': allowed are none, egemaps, compare"),
    ],
)
def test_what_the_recipe_cannot_do_is_one_line(tmp_path, made, capsys, more, message):
    table = corpus(tmp_path)
    assert train.main([*words(table), *more]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_statistics_by_speaker_need_speakers(tmp_path, made, capsys):
    table = corpus(tmp_path)
    table.write_text(table.read_text().replace("speaker", "who", 1))
    more = ["dataset.normalize=speaker", "dataset.val_speakers=null"]
    assert train.main([*words(table), *more]) == 2
    assert "dataset.normalize=speaker: clip 8.wav has no speaker" in capsys.readouterr().err
    assert not list((tmp_path / "runs").rglob("config.yaml"))


def test_one_cost_needs_no_validation_and_several_do(tmp_path, made):
    table = corpus(tmp_path)
    own = [w for w in words(table, "dataset.val_share=0.0") if "val_speakers" not in w]
    with pytest.raises(Exception, match="no validation split to choose among 6 costs: name one"):
        fit(composition.compose(own), Console(file=io.StringIO()))
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").rglob("config.yaml"))
    results = fit(composition.compose([*own, "classic.costs=[0.1]"]), Console(file=io.StringIO()))
    assert "value" not in results["monitor"]
    assert results["split"]["counts"]["val"] == 0


def test_options_of_networks_are_reported():
    start = ["task=ser", "dataset=ravdess", "experiment=classic_compare"]
    assert ineffective(composition.compose(start)) == []
    lines = ineffective(composition.compose([*start, "optim.lr=1e-3", "trainer.patience=2"]))
    assert lines == [
        "optim.lr=0.001 has no effect: classic.features=compare trains no network",
        "trainer.patience=2 has no effect: classic.features=compare trains no network",
    ]
    network = ["task=ser", "dataset=ravdess", "classic.costs=[1]"]
    (line,) = ineffective(composition.compose(network))
    assert line == "classic.costs=[1.0] has no effect: classic.features=none"


def test_the_table_of_the_project_has_four_rows_of_six_folds():
    jobs = campaign.prepare(table_spec.load("classic"), Settings()).jobs
    assert len(jobs) == 24
    assert all(ineffective(job.config) == [] for job in jobs)
    assert {job.config.dataset.val_speakers for job in jobs} == {4}


def test_opensmile_gives_its_88_functionals():
    pytest.importorskip("opensmile", reason="the extra classic is not installed")
    wave = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    features = opensmile_features.functionals(wave, "eGeMAPSv02")
    assert features.shape == (88,)
    assert np.isfinite(features).all()
