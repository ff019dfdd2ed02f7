"""Tables as data: what the project's hold, and what a wrong one reports."""

import pytest

from spectrobert.errors import UserError
from spectrobert.experiments import jobs, table_spec
from spectrobert.experiments.jobs import Settings
from spectrobert.settings import conf

from ..helpers.tables import OWN, own_table
from ..helpers.world import ROOT

# accuracy and, where it is given, top-k accuracy in percent; last the epoch
THESIS = {
    "aqa_binary": {
        "baseline": (64.9, 4),
        "bin-frz": (68.8, 30),
        "bin-frz-nolast": (74.3, 6),
        "bin-frz-noaudio": (69.6, 4),
    },
    "aqa_open": {
        "baseline": (20.1, 44.4, 9),
        "open-nofrz": (49.7, 87.9, 28),
        "open-frz-nolast": (46.7, 78.3, 30),
        "open-frz-nolast2": (50.8, 85.4, 30),
    },
    "ser": {
        "baseline": (42.3, 67.3, 47),
        "ser-frz-nolast": (29.9, 50.4, 28),
        "ser-frz-nolast-noaudio": (63.2, 82.1, 23),
    },
}
# sections 4.2.1 (accuracy, AUROC), 4.2.3 (top-5, top-10) and 4.2.4 (top-2)
METRICS = {
    "aqa_binary": ("accuracy", "auroc"),
    "aqa_open": ("accuracy", "top5_accuracy", "top10_accuracy", "auroc"),
    "ser": ("accuracy", "unweighted_accuracy", "top2_accuracy", "auroc"),
}


@pytest.mark.parametrize("name", conf.options_of("table"))
def test_every_table_of_the_project_plans(name):
    table = table_spec.load(name)
    planned = jobs.plan(table, Settings(seeds=2))
    runs = [row.name for row in table.rows if row.is_trained or row.silenced]
    assert {job.row for job in planned} >= set(runs)
    assert [job.seed for job in planned if job.row == table.baseline][:1] == [0]


@pytest.mark.parametrize("name", THESIS)
def test_the_figures_and_metrics_of_the_thesis(name):
    table, corpora = table_spec.load(name), table_spec.load(f"{name}_corpora")
    chosen = [row for row in table.rows if row.experiment and row.published]
    assert {row.name: tuple(row.published.values()) for row in chosen} == THESIS[name]
    for row in corpora.rows:
        known = THESIS[name].get(row.name.removesuffix(" from WavCaps"), ())
        assert tuple(row.published.values()) == known
    assert table.metrics == corpora.metrics == METRICS[name]


def test_the_example_of_the_docs_plans(tmp_path):
    text = (ROOT / "docs" / "tables.md").read_text()
    path = tmp_path / "own.yaml"
    path.write_text(text.split("```yaml\n")[1].split("```")[0])
    planned = jobs.plan(table_spec.load(str(path)), Settings(folds="1"))
    assert [job.row for job in planned] == ["LibriSpeech", "slow", "fast", "fast, audio silenced"]
    assert str(planned[2].folder) == "runs/ravdess_fast/seed0/fold1"


SLOW = {"name": "slow", "overrides": ["a=b"]}
OTHER = {"published": {"accuracy": 60}, "source": "SUPERB"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"taks": "ser"}, ["unknown key 'taks'", "did you mean 'task'"]),
        ({"task": "aqa"}, ["unknown task 'aqa'", "aqa_open"]),
        ({"dataset": "demoo"}, ["unknown dataset 'demoo'", "did you mean 'demo'"]),
        ({"metrics": "accuracy"}, ["metrics must be a list of names, not 'accuracy'"]),
        ({"metrics": []}, ["metrics is empty"]),
        ({"baseline": "slower"}, ["baseline", "did you mean 'slow'"]),
        ({"rows": [{"experiment": "ser_baseline"}]}, ["rows 1: name is missing"]),
        ({"rows": [{"name": "slow", "experiment": "x"}]}, ["row 'slow'", "experiment 'x'"]),
        ({"rows": [SLOW | {"overrides": ["lr"]}]}, ["row 'slow': overrides: 'lr' is not key="]),
        ({"rows": [SLOW | {"needs": "x"}]}, ["row 'slow': needs: unknown pre-training 'x'"]),
        (
            {"rows": [SLOW, {"name": "z", "silenced": "slwo"}]},
            ["row 'z': silenced: unknown row 'slwo'"],
        ),
        (
            {"rows": [SLOW | {"published": {"wer": 1}}]},
            ["published: unknown metric 'wer'", "accuracy"],
        ),
        (
            {"rows": [SLOW | {"published": {"accuracy": "x"}}]},
            ["published: accuracy must be a number, not 'x'"],
        ),
        (
            {"rows": [SLOW | {"published": {"accuracy": 60}, "source": "EmoBox"}]},
            ["row 'slow'", "source 'EmoBox' have no protocol", "split"],
        ),
        (
            {"source": "EmoBox", "protocol": "Six folds.", "rows": [SLOW | OTHER]},
            ["row 'slow'", "source 'SUPERB' have no protocol"],
        ),
        (
            {"rows": [SLOW | {"protocol": "Six folds."}]},
            ["row 'slow'", "source and protocol are of published figures"],
        ),
        ({"rows": [OWN["rows"][0], OWN["rows"][0]]}, ["two rows are named 'slow'"]),
    ],
)
def test_a_wrong_table_is_one_line(tmp_path, changes, expected):
    with pytest.raises(UserError) as error:
        table_spec.load(own_table(tmp_path, **changes))
    assert "own.yaml" in str(error.value)
    assert "\n" not in str(error.value)
    for words in expected:
        assert words in str(error.value)


@pytest.mark.parametrize("text", ["a: [", "- a\n- b", "", "\xff"])
def test_a_file_that_is_no_table_is_one_line(tmp_path, text):
    path = tmp_path / "own.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=r"own\.yaml") as error:
        table_spec.load(str(path))
    assert "\n" not in str(error.value)
