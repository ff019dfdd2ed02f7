"""Tables of what is trained on against what is tested on: their runs, cells and words."""

import csv
import io
from pathlib import Path

import pytest
import yaml

from spectrobert.errors import UserError
from spectrobert.experiments import formats, jobs, table_rows, table_spec
from spectrobert.experiments.campaign import Campaign
from spectrobert.experiments.jobs import Job, Settings
from spectrobert.experiments.matrix import OTHERS, matrix, sheet_of

from ..helpers.pages import Page
from ..helpers.tables import ALL, SOME, finish, of, prepared

SPEC = {
    "title": "Emotion across corpora",
    "task": "ser",
    "dataset": "ravdess+emodb",
    "metrics": ["unweighted_accuracy", "accuracy"],
    "classes": ["angry", "sad"],
    "corpora": {"ravdess": [], "emodb": ["labels.map={bored: sad}"], "savee": [], "meld": []},
    "rows": [
        {"name": "tiny", "overrides": ["model=tiny"]},
        {"name": "probe", "experiment": "whisper_probe"},
    ],
}
# of results.json: what a single run shows, while the predictions of several are scored together
SCORES = {"accuracy": 0.25, "unweighted_accuracy": 0.5}
KEPT = "labels.keep=[angry,sad]"


def spec(folder: Path, **changes) -> str:
    path = folder / "matrix.yaml"
    path.write_text(yaml.safe_dump(SPEC | changes))
    return str(path)


def planned(folder: Path, dataset: str = "", **settings) -> Campaign:
    table = table_spec.load(spec(folder)).on(dataset)
    known = Settings(runs_dir=str(folder), **settings)
    return Campaign(table, known, tuple(jobs.plan(table, known)))


def done(job: Job, predictions: list[tuple[str, str]]) -> None:
    """Leave the folder of a run, or of one more scoring of it."""
    finish(job, predictions, SCORES)
    options = [word for word in job.words if word.startswith(("dataset.", "labels."))]
    job.folder.write_results(job.folder.read_results() | {"overrides": options})


def test_each_corpus_is_trained_once_and_scored_on_each(tmp_path):
    asked = planned(tmp_path, folds="1,2")
    names = [job.name for job in asked.jobs if job.row.startswith("tiny")]
    assert names == [
        f"tiny: {row}, seed 0, fold {fold}"
        for row in (
            *("ravdess -> ravdess", "emodb -> emodb"),
            *("ravdess -> emodb", "emodb -> ravdess"),
        )
        for fold in (1, 2)
    ]
    (run, _), (scoring, _) = (of(asked, f"tiny: emodb -> {name}") for name in ("emodb", "ravdess"))
    assert scoring.needs is run
    assert (run.is_scoring, scoring.is_scoring) == (False, True)
    assert run.config.dataset.labels.map == {"bored": "sad"}
    assert run.config.dataset.labels.keep == ["angry", "sad"]
    assert str(run.folder) == f"{tmp_path}/emodb_cross_tiny/seed0/fold1"
    assert str(scoring.folder) == f"{run.folder}/cross/ravdess"
    assert scoring.line == (
        f"python -m spectrobert evaluate {run.folder} --dataset ravdess '{KEPT}'"
        f" --data_dir data --output {scoring.folder}"
    )
    (other, _) = of(asked, "probe: ravdess -> emodb")
    assert "labels.map={bored: sad}" in other.words


def test_of_three_corpora_one_is_left_out_in_turn(tmp_path):
    asked = planned(tmp_path, "ravdess+emodb+meld", folds="1")
    together = of(asked, "tiny: emodb+meld -> its own test splits")
    (run,), (scoring,) = together, of(asked, "tiny: emodb+meld -> ravdess")
    assert run.fold is None
    assert run.config.dataset.name == "emodb+meld"
    assert run.config.dataset.emodb.labels.map == {"bored": "sad"}
    assert run.config.dataset.labels.keep == ["angry", "sad"]
    assert scoring.needs is run
    assert [job.fold for job in of(asked, "tiny: meld -> meld")] == [None]  # it has no folds
    assert len(asked.jobs) == 2 * (3 + 6 + 3 + 3)


def test_cells_by_hand(tmp_path):
    """A corpus' own folds are pooled; an item of another one has an answer per fold."""
    asked = planned(tmp_path, folds="1,2")
    for row, folds in {
        "tiny: ravdess -> ravdess": (ALL, SOME),
        "tiny: ravdess -> emodb": (ALL, SOME),
        "tiny: emodb -> emodb": (SOME, SOME),
    }.items():
        for job, predictions in zip(of(asked, row), folds):
            done(job, predictions)
    lines = table_rows.lines(asked.table, asked.jobs, {})
    by_name = {line.row.name: line for line in lines}
    own, other = by_name["tiny: ravdess -> ravdess"], by_name["tiny: ravdess -> emodb"]
    assert (own.n, other.n) == (6, 3)
    # of class a 2 of 4 are right, of class b 2 of 2
    for line in (own, other):
        assert line.cells["accuracy"].mean == pytest.approx(4 / 6)
        assert line.cells["unweighted_accuracy"].mean == pytest.approx(3 / 4)
        assert line.cells["accuracy"].interval is not None
    words = matrix(asked.table, lines)
    assert words.title == "Emotion across corpora (ser: angry, sad)"
    assert words.header == [
        *("experiment", "trained on", "UA % on ravdess", "accuracy % on ravdess"),
        *("UA % on emodb", "accuracy % on emodb"),
    ]
    first, second, *probe = words.rows
    assert [cell[0] for cell in first] == ["tiny", "ravdess", "75.0", "66.7", "75.0", "66.7"]
    assert [cell[-1] for cell in first[2:]] == ["n = 6", "n = 6", "n = 3", "n = 3"]
    assert [cell[0] for cell in second[1:4]] == ["emodb", "0 of 2 runs", "0 of 2 runs"]
    assert second[5][0] == "33.3"
    assert [row[:2] for row in probe] == [[("probe",), ("ravdess",)], [("probe",), ("emodb",)]]
    assert "Options of corpora: emodb: labels.map={bored: sad}." in words.notes
    assert sheet_of(asked.table, lines) == words


def test_all_others_are_a_row_of_their_own(tmp_path):
    asked = planned(tmp_path, "ravdess+emodb+meld", folds="1")
    (run,) = of(asked, "tiny: emodb+meld -> its own test splits")
    (scoring,) = of(asked, "tiny: emodb+meld -> ravdess")
    done(run, SOME)
    done(scoring, ALL)
    rows = matrix(asked.table, table_rows.lines(asked.table, asked.jobs, {})).rows
    tiny = {row[1][0]: row for row in rows if row[0] == ("tiny",)}
    assert list(tiny) == ["ravdess", "emodb", "meld", OTHERS]
    assert [cell[0] for cell in tiny[OTHERS][2:]] == [
        *("50.0", "25.0"),
        *("0 of 1 runs",) * 4,
    ]


def test_formats(tmp_path):
    asked = planned(tmp_path, folds="1")
    done(of(asked, "tiny: ravdess -> ravdess")[0], SOME)
    done(of(asked, "tiny: ravdess -> emodb")[0], ALL)
    lines = table_rows.lines(asked.table, asked.jobs, {})
    records = csv.DictReader(io.StringIO(formats.comma_separated(asked.table, lines)))
    found = {
        (r["experiment"], r["trained_on"], r["tested_on"]): r["mean"]
        for r in records
        if r["metric"] == "accuracy"
    }
    assert found["tiny", "ravdess", "emodb"] == "0.25"
    assert found["probe", "emodb", "emodb"] == ""
    assert len(found) == 8
    assert "| tiny | ravdess | " in formats.markdown(asked.table, lines)
    assert r"\begin{tabular}{llrrrr}" in formats.latex(asked.table, lines)
    assert asked.table.stem == "matrix"
    assert planned(tmp_path, "ravdess+savee").table.stem == "matrix_ravdess+savee"


def test_nothing_that_is_done_runs_twice(tmp_path):
    asked = planned(tmp_path, folds="1")
    (run,), (scoring,) = (of(asked, f"tiny: ravdess -> {name}") for name in ("ravdess", "emodb"))
    assert jobs.state(scoring).word == "missing"
    done(run, ALL)
    done(scoring, ALL)
    assert jobs.state(scoring).word == "finished"
    other = [KEPT]  # as if the table had another map then
    scoring.folder.write_results(scoring.folder.read_results() | {"overrides": other})
    assert jobs.state(scoring).word == "missing"


def test_scores_on_other_corpora_are_no_runs(tmp_path):
    asked = planned(tmp_path, folds="1")
    (run,), (scoring,) = (of(asked, f"tiny: ravdess -> {name}") for name in ("ravdess", "emodb"))
    done(run, ALL)
    done(scoring, ALL)
    found = table_rows.folders(asked.table, str(tmp_path))
    assert found[run.row] == [run.folder.path]
    assert found[scoring.row] == [scoring.folder.path]
    assert found["tiny: emodb -> emodb"] == []


def test_the_projects_table_takes_an_encoder_for_the_rows_that_have_one():
    asked = prepared("cross_corpus", folds="1", overrides=("init.speech_model=there",))
    tiny, probe = (
        of(asked, f"{name}: ravdess -> ravdess")[0]
        for name in ("from scratch", "Whisper base, probe")
    )
    assert "init.speech_model=there" in probe.words
    assert not any(word.startswith("init.") for word in tiny.words)
    assert tiny.config.init.speech_model == ""
    assert probe.config.init.speech_model == "there"


def test_the_example_of_the_docs_plans(tmp_path):
    (text,) = Page("docs/cross-corpus.md").blocks("yaml")
    path = tmp_path / "two.yaml"
    path.write_text(text)
    asked = prepared(str(path), folds="1")
    assert [job.row for job in asked.jobs] == [
        *("tiny: ravdess -> ravdess", "tiny: meld -> meld"),
        *("tiny: ravdess -> meld", "tiny: meld -> ravdess"),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ["angry"]}, "classes must list two names at least"),
        ({"baseline": "tiny"}, "baseline: a table with corpora tests no row against another"),
        ({"dataset": "ravdess"}, "dataset ravdess: two corpora are needed at least, each once"),
        ({"dataset": "ravdess+esd"}, "unknown corpus of the table 'esd' (did you mean"),
        ({"corpora": {"ravdess": [], "emodbb": []}}, "unknown dataset 'emodbb'"),
        ({"corpora": {"ravdess": ["fold=1"], "emodb": []}}, "ravdess: 'fold=1' is neither"),
        ({"corpora": ["ravdess"]}, "corpora must be lists of options by corpus"),
        ({"rows": [{"name": "a", "published": {"accuracy": 1}}]}, "row 'a': with corpora, a row"),
        ({"rows": [{"name": "a", "of": "b"}]}, "unknown key 'of'"),
    ],
)
def test_a_wrong_matrix_is_one_line(tmp_path, changes, message):
    with pytest.raises(UserError) as caught:
        table_spec.load(spec(tmp_path, **changes))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_choice_of_corpora_is_checked(tmp_path):
    table = table_spec.load(spec(tmp_path))
    with pytest.raises(UserError, match="unknown corpus of the table 'esd'"):
        table.on("ravdess+esd")
    with pytest.raises(UserError, match="--dataset ravdess: two corpora"):
        table.on("ravdess")
    assert {row.tested_on for row in table.on("savee+meld").rows} == {"", "savee", "meld"}
