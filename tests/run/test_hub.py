"""Runs on the Hub: the card, what stays at home, and the way there, against a stand-in."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from huggingface_hub import ModelCard, constants

from spectrobert import load
from spectrobert.commands.push import push
from spectrobert.errors import UserError
from spectrobert.run import hub as hub_sender
from spectrobert.run import hub_card, leaks, pretrained
from spectrobert.run.fit import fit
from spectrobert.run.folder import RunFolder
from spectrobert.run.private_paths import PrivatePaths, hides_speakers, nameless_config
from spectrobert.run.thresholds import Choice, choose

from ..helpers.hub import hub
from ..helpers.runs import silent
from ..helpers.sounds import noise, noise_table
from ..helpers.world import configure

ODD = ("[laughter]", "[/s]", 'a, "b"', "غضب", "😀", "a|b: *c*")
SECRET = "hf_" + "a" * 34
NAMES = ("Ada Lovelace", "Alan Turing", "Grace Hopper")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    """A finished run on a table of somebody's own, with a threshold."""
    place = tmp_path_factory.mktemp("home of ada")
    cells = [
        '"{}",{},{}'.format(label.replace('"', '""'), *take)
        for take in zip(NAMES, ("train", "val", "test"))
        for label in ODD
    ]
    config = configure(place, "classification", "trainer.epochs=1")
    config.dataset = noise_table(place, "label,speaker,split", cells)
    fit(config, silent())
    folder = RunFolder.of(config)
    choose(folder.path, ODD[:2], Choice(grid=(0.1, 0.2)))
    return folder


@pytest.fixture(scope="module")
def sent(run, tmp_path_factory) -> Path:
    """The folder that would be sent."""
    folder = tmp_path_factory.mktemp("sent") / "model"
    push(run.path, "me/model", dry_run=str(folder), licence="cc-by-4.0")
    return folder


def test_a_sent_folder_answers_as_the_run_does(run, sent, tmp_path):
    clip = noise(tmp_path / "clip.wav")
    there, here = (load(folder).predict(clip, top=9) for folder in (sent, run.path))
    assert there == here
    assert {label for label, _ in there.ranked} == set(ODD)


def test_a_sent_folder_is_a_checkpoint_and_a_model_of_transformers(run, sent):
    from transformers import AutoModel, AutoTokenizer

    assert pretrained.saved_config(str(sent)).id2label == dict(enumerate(sorted(ODD)))
    assert len(pretrained.checkpoint_tokenizer(str(sent))) > 0
    begun = pretrained.saved_model(str(sent))
    begun.head.apply(lambda module: [p.data.zero_() for p in module.parameters()])
    pretrained.load_checkpoint(begun, str(sent))
    model = AutoModel.from_pretrained(sent)
    ours = pretrained.saved_model(str(run.path))
    assert type(model) is type(ours)
    for name, value in ours.state_dict().items():
        assert model.state_dict()[name].equal(value)
        assert begun.state_dict()[name].equal(value)
    assert AutoTokenizer.from_pretrained(sent)("is it?")["input_ids"]


def test_nothing_of_the_machine_and_no_speaker_is_sent(run, sent):
    assert {path.name for path in sent.iterdir()} >= {
        *("README.md", "config.yaml", "config.json", "model.safetensors", "tokenizer.json"),
        *("results.json", "thresholds.json"),
    }
    assert not {"split.csv", "predictions.csv", "metrics.csv"} & {p.name for p in sent.iterdir()}
    home = str(run.path).split("/home of ada")[0]
    for path in sent.iterdir():
        if path.suffix != ".safetensors":
            text = path.read_text(encoding="utf-8")
            assert not [word for word in (*NAMES, home) if word in text], path
    config = yaml.safe_load((sent / "config.yaml").read_text())
    assert config["dataset"]["file"] == "table.csv"
    results = json.loads((sent / "results.json").read_text())
    assert results["split"]["speakers"]["train"] == ["unnamed 1"]
    assert results["test"]["labels"] == sorted(ODD)


def test_the_card_is_of_valid_metadata_and_holds_the_figures(run, sent):
    card = ModelCard.load(sent / "README.md")
    data, scored = card.data, run.read_scores()
    assert (data.license, data.library_name) == ("cc-by-4.0", "spectrobert")
    assert data.pipeline_tag == "audio-classification"
    assert data.tags[:3] == ["spectrobert", "audio", "classification"]
    found = {one.metric_type: one for one in data.eval_results}
    assert {"accuracy", "unweighted_accuracy", "macro_f1"} <= found.keys()
    assert not [name for name in found if name.startswith("recall")]
    assert found["accuracy"].metric_value == scored["metrics"]["accuracy"]
    assert "(n = 6" in found["accuracy"].metric_name
    for section in ("How to use", "Evaluation card", "Thresholds", "Limits"):
        assert f"\n## {section}" in card.text
    assert "| corpus | csv |" in card.text
    assert "\\[laughter]" in card.text
    assert "غضب" in card.text
    assert 'snapshot_download("me/model")' in card.text


def test_a_run_whose_model_is_a_checkpoints_has_no_empty_tag(run):
    config = run.read_config()
    config.model = None
    data = hub_card.metadata("me/sounds", config, run.read_results(), "unknown")
    assert data.tags == ["spectrobert", "audio", "classification"]


def test_a_licence_that_is_not_stated_is_unknown(run, tmp_path):
    push(run.path, "me/model", dry_run=str(tmp_path / "a"))
    card = ModelCard.load(tmp_path / "a" / "README.md")
    assert card.data.license == hub_card.UNKNOWN
    assert "licence of the weights was not stated" in card.text


def test_one_commit_sends_what_the_dry_run_writes(run, sent, monkeypatch, capsys):
    with hub() as there:
        _go_to(there.url, monkeypatch)
        push(run.path, "me/model", licence="cc-by-4.0")
    assert there.files == {path.name: path.read_bytes() for path in sent.iterdir()}
    assert there.commits == 1
    assert there.made[0]["name"] == "model"
    assert there.made[0]["organization"] == "me"
    assert there.made[0].get("private") or there.made[0].get("visibility") == "private"
    assert there.checked == [(sent / "README.md").read_text(encoding="utf-8")]
    assert f"Bearer {SECRET}" in there.tokens
    printed = capsys.readouterr()
    assert f"{len(there.files)} files: {there.url}/me/model" in printed.out
    assert SECRET not in printed.out + printed.err


@pytest.mark.parametrize(("status", "reason"), [(401, "no token, or not this"), (403, "may not")])
def test_a_refusal_is_one_line_without_the_token(run, monkeypatch, status, reason):
    with hub() as there:
        there.status = status
        _go_to(there.url, monkeypatch)
        with pytest.raises(UserError, match=f"me/model was not sent to .*{reason}") as raised:
            push(run.path, "me/model")
    assert SECRET not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_hub_that_is_not_there_is_one_line(run, monkeypatch):
    _go_to("http://127.0.0.1:9", monkeypatch)
    with pytest.raises(UserError, match=r"me/model was not sent to http://127.0.0.1:9: "):
        push(run.path, "me/model")


def test_a_message_with_the_token_in_it_is_printed_without(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", SECRET)
    wanted = pytest.raises(UserError, match=r"because of Bearer \*\*\*$")
    with wanted as raised, hub_sender._plain_errors("me/model", "http://hub"):
        raise OSError(f"because\nof Bearer {SECRET}")
    assert raised.value.__cause__ is None


def test_wrong_calls_write_nothing(run, sent, tmp_path):
    with pytest.raises(UserError, match="name the repository as user/name"):
        push(run.path, "model", dry_run=str(tmp_path / "a"))
    with pytest.raises(UserError, match=r"me/--x\.\.: "):
        push(run.path, "me/--x..", dry_run=str(tmp_path / "a"))
    with pytest.raises(UserError, match="exists already"):
        push(run.path, "me/model", dry_run=str(sent))
    with pytest.raises(UserError, match="is not a run directory"):
        push(tmp_path, "me/model", dry_run=str(tmp_path / "a"))
    half = tmp_path / "half"
    shutil.copytree(run.path, half)
    (half / "model" / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"model.safetensors is missing"):
        push(half, "me/model", dry_run=str(tmp_path / "a"))
    assert not (tmp_path / "a").exists()


def test_speakers_of_published_corpora_keep_their_codes(run, sent):
    assert [hides_speakers(name) for name in ("ravdess", "emodb+csv")] == [False, True]
    config, prepared = run.read_config(), SimpleNamespace(summary=SimpleNamespace(speakers={}))
    config.init.checkpoint = str(sent)
    assert "was trained on csv: on whom is not in it" in leaks.heard_rows(config, prepared, "test")
    raw = {"dataset": {"val_speakers": ["Ada", "Alan"]}}
    assert nameless_config(raw) == {"dataset": {"val_speakers": 2}}


def test_labels_that_look_like_paths_stay():
    config = {"data_dir": "/mnt/corpora", "dataset": {"labels": {"keep": ["/s", "/a/b"]}}}
    private = PrivatePaths(config)
    kept = {"labels": ["/s", "/a/b", "/mnt/corpora/x"], "caution": "/mnt/corpora/a.wav is [/s]"}
    assert private.without(kept) == kept | {"caution": "a.wav is [/s]"}
    assert private.without("/mnt/corpora") == "corpora"
    assert private.without("https://doi.org/10.1") == "https://doi.org/10.1"


def _go_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setenv("HF_TOKEN", SECRET)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
