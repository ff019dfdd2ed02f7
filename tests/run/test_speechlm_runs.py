"""SpeechLM's pre-training on the demo: units of its clips, both objectives, refusals."""

import json

import pytest

from spectrobert.commands import units
from spectrobert.errors import UserError
from spectrobert.settings import composition

from ..helpers.runs import finish
from ..helpers.world import QUICK, data_dir

BOTH = "task.objectives={masked_units: 1, unit_ctc: 0.1}"


def run(folder, *more: str):
    folders = (f"runs_dir={folder / 'runs'}", f"data_dir={data_dir()}")
    short = ("trainer.epochs=1", "dataset.max_seconds=0.8", "trainer.batch_size=8")
    words = ["task=pre", "dataset=demo", "model=debug_speechlm", *QUICK, *folders, *short, *more]
    return finish(composition.compose(words))


def test_units_are_predicted_swapped_and_spelt(tmp_path):
    folder = tmp_path / "units"
    words = ["dataset.size=0.05"]
    units.units("demo", words, clusters=5, frames=2000, data_dir=str(data_dir()), out=str(folder))
    first, results, _ = run(tmp_path, BOTH, f"task.units={folder}", "experiment_name=both")
    scored = results["val"] if "val" in results else results["test"]
    measured = scored["metrics"]
    weighed = measured["masked_units_loss"] + 0.1 * measured["unit_ctc_loss"]
    assert measured["loss"] == pytest.approx(weighed)
    assert measured["unit_ctc_error_rate"] > 0
    saved = json.loads((first.model / "config.json").read_text())
    assert saved["objectives"]["unit_ctc"]["num_units"] == 5
    facts = json.loads((folder / "units.json").read_text())
    (folder / "units.json").write_text(json.dumps(facts | {"step": 0.5}))
    with pytest.raises(UserError, match="one unit per 500 ms"):
        run(tmp_path, BOTH, f"task.units={folder}", "experiment_name=coarse")
    assert not (tmp_path / "runs" / "coarse").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("model=debug_hubert",), "unit_ctc need model=speechlm"),
        (("model=tiny",), "unit_ctc need model=speechlm"),
        (("model.speech.num_speech_layers=2",), "unit_ctc need model=speechlm"),
    ],
)
def test_units_need_a_stack_that_they_share(tmp_path, more, message):
    folder = tmp_path / "units"
    folder.mkdir()
    facts = {"num_units": 5, "first": 0.0, "step": 0.02, "fingerprint": "x"}
    names = {"dataset": "demo", "features": "mfcc"}
    (folder / "units.json").write_text(json.dumps(facts | names))
    (folder / "units.arrow").touch()
    with pytest.raises(UserError, match=message):
        run(tmp_path, "task.objectives={unit_ctc: 1}", f"task.units={folder}", *more)
    assert not (tmp_path / "runs").exists()
