"""Slices of planted answers: 24 speakers, 12 of each sex, a gap between them or none."""

import csv
import json
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from spectrobert import metrics
from spectrobert.commands.evaluate import evaluate as verb
from spectrobert.errors import UserError
from spectrobert.experiments.report import trust
from spectrobert.metrics.statistic import mean
from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder
from spectrobert.run.slices.scored import Scored
from spectrobert.run.slices.slices import cards, slices
from spectrobert.settings.schemas import dataset_class

from ...helpers.runs import silent
from ...helpers.world import configure

LABELS = ("angry", "calm")
CLIPS = 10  # of each label and speaker


def scored(rates: dict[str, tuple[int, int]]) -> Scored:
    """Speakers who are answered rightly in so many of ten clips of each label, by sex.

    One in three has one right answer more, one in three one less, alike in both sexes.
    """
    rows = [
        (sex, f"{sex}{who}", y, clip < rates[sex][y] + (0, 1, -1)[who % 3], clip, who)
        for sex, who, y, clip in product("fm", range(12), range(2), range(CLIPS))
    ]
    sexes, speakers, labels, is_right, clips, numbers = map(list, zip(*rows))
    truth = np.array(labels)
    return Scored(
        SimpleNamespace(statistics=lambda out, true: metrics.classification(out, true, LABELS)),
        "unweighted_accuracy",
        True,
        np.eye(2)[np.where(is_right, truth, 1 - truth)],
        truth,
        np.array(speakers),
        np.arange(len(rows)).astype(str),
        "speakers",
        {
            "sex": sexes,
            "speaker": speakers,
            "label": [LABELS[y] for y in labels],
            "seconds": ["0.5" if clip % 2 else "3" for clip in clips],
            "age": [str(20 + who) if who else "" for who in numbers],
            "club": ["x" if who == 1 else "y" for who in numbers],
        },
        "",
        LABELS,
    )


def test_a_planted_gap_between_sexes_is_found():
    (card,) = cards(scored({"f": (9, 9), "m": (8, 8)}), ["sex"])
    found = {one.value: (one.n, one.groups, one.score.value) for one in card.slices}
    assert found == {"f": (240, 12, pytest.approx(0.9)), "m": (240, 12, pytest.approx(0.8))}
    assert (card.gap.high, card.gap.low, card.unit) == ("f", "m", "speakers")
    assert card.gap.difference.value == pytest.approx(0.1)
    low, high = card.gap.difference.interval
    assert 0.02 < low < 0.1 < high < 0.18
    assert card.p < 0.05
    assert card.p_holm == card.p
    shown = {label: {"f": pytest.approx(0.9), "m": pytest.approx(0.8)} for label in LABELS}
    assert card.recalls == shown
    assert card.verdict()[0].startswith("sex: worst m, best f; gap 0.100")


def test_where_there_is_none_none_is_found():
    (card,) = cards(scored({"f": (9, 7), "m": (9, 7)}), ["sex"])
    assert card.gap.difference.value == pytest.approx(0)
    assert card.gap.difference.interval[0] < 0 < card.gap.difference.interval[1]
    assert card.p == 1


def test_the_class_whose_recalls_differ_most_is_named():
    sex, label = cards(scored({"f": (9, 9), "m": (9, 5)}), ["sex", "label"])
    name, high, low, difference = sex.opportunity
    assert (name, high, low) == ("calm", "f", "m")
    assert difference.value == pytest.approx(0.4)
    assert difference.interval[0] > 0.2
    assert any("recalls differ most of calm" in line for line in sex.verdict())
    found = {one.value: (one.score.value, one.note) for one in label.slices}
    # of a label alone the metric is its recall
    assert found == {
        "angry": (pytest.approx(0.9), "lacks calm"),
        "calm": (pytest.approx(0.7), "lacks angry"),
    }


def test_several_columns_are_corrected_and_small_slices_say_so():
    names = ["sex", "seconds", "age", "club"]
    planted = scored({"f": (9, 9), "m": (8, 8)})
    found = {card.name: card for card in cards(planted, names)}
    tested = {name: card.p for name, card in found.items() if card.p is not None}
    assert list(tested) == ["sex", "seconds"]
    assert [found[name].p_holm for name in tested] == metrics.holm(list(tested.values()))
    assert [one.value for one in found["seconds"].slices] == ["below 1 s", "2 to 4 s"]
    twenties, thirties, unstated = found["age"].slices
    assert (twenties.value, twenties.groups) == ("20 to 29", 18)
    assert (thirties.score, thirties.note) == (None, "too few to judge: 4 speakers")
    assert (unstated.value, unstated.note) == ("not stated", "not compared")
    assert found["age"].verdict() == ["age: fewer than two slices can be judged"]
    assert found["club"].slices[0].note == "too few to judge: 2 speakers"
    groups, unit = planted.groups_of("speaker")
    assert (len(set(groups)), unit) == (480, "recordings")  # of a speaker, clips are drawn


def test_shifts_of_numbers_and_a_metric_that_is_better_low():
    speakers = np.repeat([f"{sex}{who}" for sex in "fm" for who in range(5)], 4)
    truth = np.tile([[0.0, 1.0]], (40, 1))
    shift = np.where(np.char.startswith(speakers, "f"), 0.3, -0.1)
    predicted = truth + np.stack([shift, np.full(40, 0.2)], axis=1)

    def error(outputs, true):
        rows = np.abs(outputs - true).mean(axis=1)
        return {"mae": mean(rows, "mean absolute error")}

    planted = Scored(
        SimpleNamespace(statistics=error),
        "mae",
        False,
        predicted,
        truth,
        speakers,
        speakers,
        "speakers",
        {"sex": [name[0] for name in speakers]},
        "",
        targets=("valence", "arousal"),
    )
    (card,) = cards(planted, ["sex"])
    assert (card.gap.high, card.gap.low) == ("m", "f")  # best and worst
    assert card.gap.difference.value == pytest.approx(0.25 - 0.15)
    what, high, low, difference = card.shift
    assert (what, high, low, difference.value) == ("valence", "f", "m", pytest.approx(0.4))
    shifts = {t: {v: one.value for v, one in of.items()} for t, of in card.shifts.items()}
    assert shifts == {
        "valence": {"f": pytest.approx(0.3), "m": pytest.approx(-0.1)},
        "arousal": {"f": pytest.approx(0.2), "m": pytest.approx(0.2)},
    }
    assert card.opportunity is None


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    """A run of one epoch on a table that says more of its speakers than the run has asked."""
    place: Path = tmp_path_factory.mktemp("slices")
    noise, rows = np.random.default_rng(0), []
    for split, number, label, clip in product(("train", "val", "test"), range(10), LABELS, (0, 1)):
        if split == "test" or number < 2:
            name = f"{split}-{number}-{label}-{clip}.wav"
            wave = 0.1 * noise.standard_normal(1600).astype(np.float32)
            soundfile.write(place / name, wave, 16_000)
            rows.append([name, label, f"{split}-{number}", split, "fm"[number % 2]])
    with (place / "clips.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["audio", "label", "speaker", "split", "sex"], *rows])
    config = configure(place, "classification", "trainer.epochs=1")
    config.dataset = dataset_class("csv")(file=str(place / "clips.csv"))
    fit(config, silent())
    return RunFolder.of(config)


def test_a_run_is_printed_written_and_reported(run, capsys):
    verb(run.path, slices="sex, seconds")
    printed = capsys.readouterr()
    assert "sex: worst" in printed.out
    assert "5 speakers" in printed.out
    assert str(run.slices("test")) in printed.err
    stored = json.loads(run.slices("test").read_text(encoding="utf-8"))
    sex, seconds = stored["cards"]
    assert [(one["value"], one["n"]) for one in sex["slices"]] == [("f", 20), ("m", 20)]
    assert seconds["verdict"] == ["seconds: fewer than two slices can be judged"]
    reported = run.read_scores()["metrics"][stored["metric"]]
    assert stored["whole"][0] == pytest.approx(reported)
    sheet = trust.tables(run.path, "test")[trust.SLICES]
    assert sheet.rows[0][:3] == [("sex",), ("f",), ("20", "5 speakers")]
    assert sheet.notes[0].startswith("sex: worst")


def test_folds_are_pooled(run, tmp_path):
    for fold in (1, 2):
        (tmp_path / f"fold{fold}").symlink_to(run.path.resolve())
    one, both = slices(run.path, ["sex"]), slices(tmp_path, ["sex"])
    assert (one.n, both.n) == (40, 80)
    assert both.whole.value == pytest.approx(one.whole.value)
    assert both.cards[0].slices[0].groups == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"slices": "sxe"}, "no column 'sxe' of dataset.traits; found: audio, label, speaker"),
        ({"slices": "corpus"}, "unknown slice 'corpus'; known: label, seconds, speaker$"),
        ({"slices": "sex,,age"}, "names of columns with commas between"),
        ({"slices": "sex", "audit": True}, "--audit and --slices: one at a time"),
        ({"slices": "sex", "silence_audio": True}, "--silence_audio: not with --slices"),
    ],
)
def test_wrong_calls_are_one_line(run, options, message):
    with pytest.raises(UserError, match=message) as error:
        verb(run.path, **options)
    assert "\n" not in str(error.value)
