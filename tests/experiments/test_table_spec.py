"""Tables as data: what the project's hold, and what a wrong one reports."""

import shutil

import pytest
import yaml

from spectrobert.errors import UserError
from spectrobert.experiments import jobs, table_spec
from spectrobert.experiments.jobs import Settings
from spectrobert.settings import composition, conf

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
    assert [job.seed for job in planned if job.row == runs[0]][:1] == [0]


def test_every_experiment_file_is_in_a_table_or_one_that_is_builds_on_it():
    tables = [table_spec.load(name) for name in conf.options_of("table")]
    rows = [row for table in tables for row in (*table.rows, *table.pretraining)]
    used = {row.experiment for row in rows} - {""}
    files = {name: ROOT / "conf" / "experiment" / f"{name}.yaml" for name in used}
    below = [yaml.safe_load(path.read_text()).get("defaults", []) for path in files.values()]
    used |= {name for names in below for name in names if isinstance(name, str)} - {"_self_"}
    assert used == set(conf.options_of("experiment"))


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
    own, encoders, _ = (block.split("```")[0] for block in text.split("```yaml\n")[1:])
    path.write_text(own.replace("rows:\n", f"rows:\n{encoders}"))
    planned = jobs.plan(table_spec.load(str(path)), Settings(folds="1"))
    assert [job.row for job in planned] == [
        "LibriSpeech",
        "WavLM base+, probe",
        "mine",
        "slow",
        "fast",
        "fast, audio silenced",
    ]
    assert planned[1].config.model.speech_model == "microsoft/wavlm-base"
    planned = [job for job in planned if "speech_model" not in job.line]
    assert str(planned[2].folder) == "runs/ravdess_fast/seed0/fold1"


def test_the_experiment_of_the_docs_composes(monkeypatch, tmp_path):
    text = (ROOT / "docs" / "tables.md").read_text()
    shutil.copytree(conf.CONF, folder := tmp_path / "conf")
    (folder / "experiment" / "mine.yaml").write_text(text.split("```yaml\n")[3].split("```")[0])
    for module in ("conf", "overrides", "composition", "schemas"):
        monkeypatch.setattr(f"spectrobert.settings.{module}.CONF", folder)
    config = composition.compose(["--task", "ser", "--dataset", "ravdess", "experiment=mine"])
    assert (config.experiment_name, config.freeze.name) == ("ravdess_cmt_last-2", "last-2")
    assert (config.model.fusion, config.optim.lr_of["fusion"]) == ("cross", 1e-4)


# UA and accuracy in percent: EmoBox's leaderboard; accuracy, UA and MAE, Acc7, Acc2, F1: Chu et
# al. 2022, Tables 1, 2 and 4
PUBLISHED = {
    "ser_encoders": {
        "wav2vec 2.0 base, probe": (54.33, 55.40),
        "HuBERT base, probe": (65.43, 66.21),
        "WavLM base, probe": (61.56, 62.10),
        "HuBERT large, probe": (70.00, 70.29),
        "WavLM large, probe": (72.00, 72.22),
        "data2vec 2.0 large": (71.15, 71.63),
        "Whisper large v3": (75.32, 75.87),
    },
    "cmt_iemocap": {
        "HuBERT": (70.3, 71.1),
        "RoBERTa": (70.2, 70.9),
        "Shallow fusion": (71.7, 72.8),
        "CMT base": (75.1, 76.3),
        "CMT large": (75.0, 76.1),
        "CTAL (Li 2021)": (74.0, 74.6),
        "JBLs (Siriwardhana 2020)": (73.4,),
    },
    "cmt_mosei": {
        "HuBERT": (0.634, 0.486, 0.796, 0.799),
        "RoBERTa": (0.523, 0.521, 0.876, 0.877),
        "Shallow fusion": (0.518, 0.538, 0.861, 0.860),
        "CMT base": (0.508, 0.545, 0.874, 0.875),
        "CMT BASE, pre-trained": (0.501, 0.546, 0.880, 0.878),
        "CMT LARGE, pre-trained": (0.500, 0.545, 0.885, 0.885),
        "CMT-4, pre-trained": (0.496, 0.554, 0.870, 0.871),
        "CMT-4, pre-trained, orthogonality": (0.493, 0.554, 0.879, 0.878),
        "CMT-4, pre-trained, layer pooler": (0.509, 0.545, 0.864, 0.863),
        "MulT (Tsai 2019)": (0.591, 0.507, 0.816, 0.816),
        "JBLs (Siriwardhana 2020)": (0.518, 0.521, 0.878),
        "CTAL (Li 2021)": (0.603, 0.808, 0.810),
    },
    "seed001": {
        "XLS-R, classification": (67.5,),
        "XLS-R, contrastive": (66.0,),
        "audEERING, classification": (59.7,),
        "audEERING, contrastive": (66.2,),
        "audEERING as it is": (62.4,),
    },
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_figures_of_encoders(name):
    table = table_spec.load(name)
    rows = [row for row in table.rows if row.published]
    assert {row.name: tuple(row.published.values()) for row in rows} == PUBLISHED[name]
    assert all(table.protocol_of(row) for row in rows)


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
