"""Models that align words with the audio: trained on the demo, asked, and refused without times."""

import json
from types import SimpleNamespace

import datasets
import numpy as np
import pytest
import typer

from spectrobert import load
from spectrobert.commands.predict import predict as verb
from spectrobert.commands.timeline import timeline
from spectrobert.config import Config
from spectrobert.errors import UserError
from spectrobert.run import export, fit, scoring, spoken_words
from spectrobert.run.asked_words import Asked, read_words
from spectrobert.run.folder import RunFolder
from spectrobert.settings.ineffective import ineffective

from ..helpers.runs import losses, silent, trained
from ..helpers.sounds import noise, noise_table
from ..helpers.world import configure

WORDS = "good 0.05 0.1 film 0.1 0.25"
QUICK = ("trainer.epochs=1", "trainer.max_steps=3", "dataset.size=0.02")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    """CM-BERT on the demo's sentiment, whose synthesis states its words."""
    folder = tmp_path_factory.mktemp("cm_bert")
    return trained(folder, "sentiment", "model=debug_cm_bert", *QUICK, from_checkpoint=True)


@pytest.fixture
def clip(tmp_path) -> str:
    return noise(tmp_path / "clip.wav", 1)


def test_the_demo_trains_and_is_scored_again(run):
    assert len(losses(run.path)["train/loss"]) == 2
    results = json.loads(run.results.read_text())
    assert scoring.evaluate(run.path).to_dict() == results["test"]


def test_one_audio_token_per_word_is_pre_trained_with_words_of_other_clips(tmp_path):
    objectives = "task.objectives={mlm: 0.5, sap: 0.5}"
    cells = [
        f"good film {n},{WORDS} {n} 0.25 0.3,{side}"
        for n, side in enumerate(["train"] * 8 + ["val"] * 4)
    ]
    config = configure(
        tmp_path, "pre", "model=debug_speechbert", objectives, *QUICK[:2], from_checkpoint=True
    )
    config.dataset = noise_table(tmp_path, "text,words,split", cells)
    fit.fit(config, silent())
    assert np.isfinite([loss for _, loss in losses(RunFolder.of(config).path)["train/loss"]]).all()


def test_times_are_asked_for_and_change_the_answer(run, clip, tmp_path, capsys):
    model = load(run.path)
    with pytest.raises(UserError, match="reads times of words: give predict --words"):
        model.predict(clip, text="good film")
    answers = [
        dict(model.predict(clip, text="good film", words=w).every)
        for w in (WORDS, WORDS[:-4] + "0.11")
    ]
    assert answers[0] != answers[1]
    file = tmp_path / "words.json"
    file.write_text('[["good", 0.05, 0.1], ["film", 0.1, 0.25]]')
    verb(run.path, [clip], spoken=str(file), as_json=True)
    (printed,) = json.loads(capsys.readouterr().out)
    shown = {one["label"]: one["probability"] for one in printed["answers"]}
    assert shown == pytest.approx(answers[0], abs=1e-6)
    table = tmp_path / "list.csv"
    table.write_text(f"audio,text,words\nclip.wav,good film,{WORDS}\nclip.wav,bad film,{WORDS}\n")
    with pytest.raises(typer.Exit):
        verb(run.path, table=str(table))
    assert "word 1, 'good', is not what the text has there: 'bad'" in capsys.readouterr().err


def test_there_is_no_time_in_a_timeline_and_none_in_a_file(run, clip, tmp_path):
    with pytest.raises(UserError, match="reads times of words, which no timeline has"):
        timeline(run.path, [clip], output=str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    with pytest.raises(UserError, match=r"cannot be exported: model\.fusion=cm_bert reads times"):
        export.export(run.path, tmp_path / "model.onnx")


def refused(config: Config, message: str) -> None:
    """A run is refused in one line, and has written nothing."""
    with pytest.raises(UserError, match=message) as caught:
        fit.fit(config, silent())
    assert "\n" not in str(caught.value)
    assert not RunFolder.of(config).path.exists()


def own(
    tmp_path, columns: str, *cells: str, model: str = "debug_cm_bert", words=(), **options
) -> Config:
    splits = ("train", "train", "val", "test")
    rows = [f"{row},{'ab'[i % 2]},{side}" for i, (row, side) in enumerate(zip(cells * 4, splits))]
    config = configure(tmp_path, "ser", f"model={model}", *QUICK[:2], *words, from_checkpoint=True)
    config.dataset = noise_table(tmp_path, f"{columns},label,split", rows, **options)
    return config


def test_corpora_and_clips_without_times_are_refused(tmp_path):
    config = own(tmp_path, "text", "good film")
    needs = r"model\.fusion=cm_bert needs times of words, which 4 of 4 clips of 'csv' have not"
    refused(config, rf"{needs}.*come from a column words.*dataset\.word_times=proportional")
    config = own(
        tmp_path, "text,words", "good film,", f"good film,{WORDS}", model="debug_speechbert"
    )
    refused(config, r"model\.audio_tokens=words needs times of words, which 2 of 4 clips")


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("pre", "in demo they come from the synthesis, of tasks ser and sentiment"),
        ("aqa_binary", "needs words that are said; task aqa_binary asks questions"),
    ],
)
def test_captions_and_questions_are_not_said(tmp_path, task, message):
    config = configure(tmp_path, task, "model=debug_speechbert", from_checkpoint=True)
    rows = datasets.Dataset.from_dict({"id": ["a"], "text": ["a bell"], "words": [[]]})
    with pytest.raises(UserError, match=message):
        spoken_words.require(
            config,
            SimpleNamespace(splits={"train": rows}),
            SimpleNamespace(needs_word_times="model.fusion=cm_bert"),
            SimpleNamespace(is_fast=True),
        )


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        (["augment.speed=0.5"], {}, r"augment\.speed=0\.5 moves words"),
        (["augment.crop_seconds=0.2"], {}, r"augment\.crop_seconds=0\.2 moves words"),
        ([], {"omit_text": True}, r"dataset\.omit_text=true leaves no words"),
    ],
)
def test_what_takes_times_away_is_refused(tmp_path, words, options, message):
    refused(own(tmp_path, "text,words", f"good film,{WORDS}", words=words, **options), message)


def test_a_stand_in_is_by_name_and_holds_for_new_files(tmp_path, clip):
    config = own(
        tmp_path, "text,words", "good film,", f"good film,{WORDS}", word_times="proportional"
    )
    fit.fit(config, silent())
    model = load(RunFolder.of(config).path)
    plain = dict(model.predict(clip, text="good film").every)
    same = model.predict(clip, text="good film", words="good 0 0.15 film 0.15 0.3")  # 0.3 s
    assert dict(same.every) == pytest.approx(plain, abs=1e-6)


def test_a_model_that_reads_no_times_takes_none(tmp_path, clip):
    config = own(tmp_path, "text", "good film", model="debug_cmt", word_times="proportional")
    (line,) = (line for line in ineffective(config) if "word_times" in line)
    assert line.endswith("has no effect: the model reads no times of words")
    with pytest.raises(UserError, match="my run reads no times of words: leave out --words"):
        read_words("my run", config, None, Asked(clip, text="good film", words=WORDS), False)
