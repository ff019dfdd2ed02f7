"""The names of `import spectrobert`: a run from Python, as notebooks start it."""

import pytest

import spectrobert

from .helpers.runs import silent
from .helpers.world import QUICK, SMALL, data_dir
from .test_imports import loaded_by


def test_compose_fit_evaluate_and_predict(tmp_path):
    options = dict(word.split("=") for word in (*SMALL, *QUICK, "trainer.epochs=1", "model=tiny"))
    folders = {"runs_dir": str(tmp_path), "data_dir": str(data_dir())}
    results = spectrobert.fit(spectrobert.compose("ser", "demo", **options, **folders), silent())
    folder = tmp_path / "demo_ser" / "seed0"
    scores = spectrobert.evaluate(folder)
    assert scores.to_dict()["metrics"] == pytest.approx(results["test"]["metrics"], abs=1e-6)
    clip = next(data_dir().rglob("ser-test-*.flac"))
    (answer,) = spectrobert.predict(folder, [str(clip)])
    assert {label for label, _ in answer.ranked} == set(results["test"]["labels"])
    model = spectrobert.SpectroBert.from_pretrained(folder / "model")
    assert model.config.hidden_size == 32


def test_names_are_imported_on_first_use():
    assert set(spectrobert.__all__) <= set(dir(spectrobert))
    assert loaded_by("spectrobert") == set()
    with pytest.raises(AttributeError, match="no attribute 'train'"):
        spectrobert.train  # noqa: B018
