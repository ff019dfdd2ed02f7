"""Pre-trained encoders of composite models: what is loaded, and what is refused in one line."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from spectrobert.run import build, encoders
from spectrobert.settings import composition, paths

from ..helpers.weights import TEXTS, WORDS, refusal, save_bert, save_roberta, save_speech

LABELS = ("angry", "calm")
BERT = ("model.text.model_type=bert", "model.text.num_attention_heads=4")
SPEECH = ("wav2vec2", "hubert", "wavlm", "data2vec", "whisper")


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # read at import


def built(model: str, *arguments: str, task: str = "ser"):
    """The model of a command line, as a run builds it."""
    words = ["--task", task, "--dataset", "demo", f"model={model}", *arguments]
    config = composition.compose(words)
    tokenizer = build.tokenizer(config, TEXTS)
    labels = () if task == "pre" else LABELS
    padding = tokenizer.pad_token_id or 0
    settings = build.model_config(config, len(tokenizer), labels, padding)
    torch.manual_seed(0)
    return build.model(config, settings)


def refused(model: str, *arguments: str, **more) -> str:
    return refusal(built, model, *arguments, **more)


def assert_loaded(encoder: torch.nn.Module, folder: Path, prefix: str = "") -> None:
    """Every tensor of the encoder is the one in the folder's files, bit by bit."""
    given = {}
    for path in folder.glob("*.safetensors"):
        given |= load_file(path)
    given = {name.removeprefix(prefix): value for name, value in given.items()}
    for name, value in encoder.state_dict().items():
        if name != "masked_spec_embed":  # of masked training, which no encoder here does
            assert torch.equal(value, given[name]), name


@pytest.mark.parametrize("kind", SPEECH)
def test_a_speech_encoder_is_loaded_bit_by_bit(kind, tmp_path):
    part = "encoder" if kind == "whisper" else ""
    folder = save_speech(tmp_path / kind, f"debug_{kind}", part)
    model = built(f"debug_{kind}", f"init.speech_model={folder}")
    assert_loaded(model.speech.model, folder)


def test_the_encoder_of_a_whole_whisper_is_taken(tmp_path):
    folder = save_speech(tmp_path / "whisper", "debug_whisper")
    model = built("debug_whisper", f"init.speech_model={folder}")
    assert_loaded(model.speech.model, folder, "encoder.")


def test_weights_in_several_files_are_read(tmp_path):
    folder = save_speech(tmp_path / "hubert", "debug_hubert", max_shard_size="50KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    assert_loaded(built("debug_hubert", f"init.speech_model={folder}").speech.model, folder)


def test_any_encoder_by_its_folder_has_the_checkpoints_sizes(tmp_path):
    folder = save_speech(tmp_path / "wavlm", "debug_wavlm")
    model = built("speech_encoder", f"init.speech_model={folder}")
    assert model.config.speech["model_type"] == "wavlm"
    assert_loaded(model.speech.model, folder)


def test_lower_layers_are_those_of_the_checkpoint(tmp_path):
    folder = save_speech(tmp_path / "hubert", "debug_hubert")
    model = built("debug_hubert", f"init.speech_model={folder}", "model.speech_layers=1")
    assert len(model.speech.layers) == 1
    assert_loaded(model.speech.model, folder)


def test_both_encoders_of_a_fusion_are_loaded(tmp_path):
    speech = save_speech(tmp_path / "hubert", "debug_hubert")
    text = save_roberta(tmp_path / "roberta")
    model = built("debug_cmt", f"init.speech_model={speech}", f"init.text_model={text}")
    assert_loaded(model.speech.model, speech)
    assert_loaded(model.text.model, text)


def test_random_sets_the_checkpoint_of_the_file_aside():
    config = composition.compose(
        ["--task", "ser", "--dataset", "demo", "model=hubert_base", "init.speech_model=random"]
    )
    assert encoders.names(config) == {"speech_model": ""}


def test_a_run_names_the_checkpoints_it_starts_from():
    words = ["--task", "ser", "--dataset", "demo", "model=shallow_fusion"]
    config = composition.compose([*words, "init.text_model=nobody/roberta"])
    assert encoders.names(config) == {
        "speech_model": "facebook/hubert-base-ls960",
        "text_model": "nobody/roberta",
    }
    assert encoders.names(composition.compose([*words[:4], "model=tiny"])) == {}


def test_folders_are_found_from_another_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "theirs"):
        (tmp_path / name).mkdir()
    words = ["--task", "ser", "--dataset", "demo", "model=debug_cmt", "init.speech_model=mine"]
    config = composition.compose([*words, "model.text_model=theirs"])
    paths.make_absolute(config)
    assert config.init.speech_model == str(tmp_path / "mine")
    assert config.model.text_model == str(tmp_path / "theirs")


# Refusals


def garble(folder: Path) -> None:
    (folder / "model.safetensors").write_text("garbage")


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def lose_layer(folder: Path) -> None:
    path = folder / "model.safetensors"
    kept = {n: v for n, v in load_file(path).items() if not n.startswith("encoder.layers.1.")}
    save_file(kept, path, metadata={"format": "pt"})


def widen_layer(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    name = "encoder.layers.1.final_layer_norm.weight"
    save_file(tensors | {name: torch.ones(7)}, path, metadata={"format": "pt"})


def pickle_alone(folder: Path) -> None:
    path = folder / "model.safetensors"
    torch.save(load_file(path), folder / "pytorch_model.bin")
    path.unlink()


def no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (garble, "is damaged or incomplete"),
        (cut, "is damaged or incomplete"),
        (lose_layer, "is damaged or incomplete: it lacks 16 tensors, the first: encoder.layers.1."),
        (widen_layer, "is damaged or incomplete"),
        (no_config, "no config.json in"),
        (no_weights, "is damaged or incomplete"),
        (pickle_alone, "init.allow_bin=true"),
    ],
)
def test_a_damaged_speech_model_is_refused(damage, words, tmp_path):
    folder = save_speech(tmp_path / "hubert", "debug_hubert")
    damage(folder)
    message = refused("debug_hubert", f"init.speech_model={folder}")
    assert message.startswith(f"speech model '{folder}'")
    assert words in message


def test_a_pickle_is_refused_with_the_reason_and_read_if_asked_for(tmp_path):
    folder = save_speech(tmp_path / "hubert", "debug_hubert")
    given = load_file(folder / "model.safetensors")
    pickle_alone(folder)
    assert "pickle" in refused("debug_hubert", f"init.speech_model={folder}")
    model = built("debug_hubert", f"init.speech_model={folder}", "init.allow_bin=true")
    weight = "encoder.layers.1.final_layer_norm.weight"
    assert torch.equal(model.speech.model.state_dict()[weight], given[weight])


def test_a_model_of_another_kind_is_refused(tmp_path):
    hubert = save_speech(tmp_path / "hubert", "debug_hubert")
    message = refused("debug_wav2vec2", f"init.speech_model={hubert}")
    assert "is a 'hubert' model; model.speech is a 'wav2vec2'" in message
    bert = save_bert(tmp_path / "bert")
    message = refused("debug_hubert", f"init.speech_model={bert}")
    assert "is a 'bert' model; a 'wav2vec2' or 'hubert'" in message
    message = refused("debug_roberta", f"init.text_model={hubert}")
    assert "tokenizer" in message


def test_a_model_of_another_size_is_refused(tmp_path):
    folder = save_speech(tmp_path / "hubert", "debug_hubert")
    message = refused("debug_hubert", f"init.speech_model={folder}", "model.speech.hidden_size=64")
    assert "hidden_size=32 there, 64 here" in message


def test_folders_that_hold_no_model_are_refused(tmp_path):
    corpus = tmp_path / "Actor_01"
    corpus.mkdir()
    assert "no config.json in" in refused("debug_hubert", f"init.speech_model={corpus}")
    message = refused("debug_hubert", f"init.speech_model={tmp_path / 'absent'}")
    assert message == f"speech model '{tmp_path / 'absent'}': there is no such folder"


def test_an_unreachable_hub_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    message = refused("hubert_base")
    assert "hf download facebook/hubert-base-ls960" in message
    assert "init.speech_model=<folder>" in message


def test_a_tokenizer_larger_than_its_model_is_refused(tmp_path):
    folder = save_bert(tmp_path / "bert", vocab_size=len(WORDS) - 1)
    message = refused("debug_cmt", f"init.text_model={folder}", *BERT)
    assert "they do not belong together" in message


@pytest.mark.parametrize(
    ("model", "arguments", "words"),
    [
        ("debug_hubert", ("init.text_model=a/b",), "model.fusion=audio reads no text"),
        ("debug_roberta", ("init.speech_model=a/b",), "model.fusion=text hears nothing"),
        ("tiny", ("init.speech_model=a/b",), "SpectroBERT has patches"),
        ("debug_hubert", ("init.audio_encoder=a/b",), "init.speech_model"),
        ("debug_hubert", ("+model.speech.layers=3",), "model.speech.layers: hubert has no such"),
        ("debug_hubert", ("model.speech_layers=3",), "the speech encoder has 2 layers"),
        ("debug_hubert", ("model.speech_states='3'",), "the speech encoder has 2 layers"),
        ("debug_joint", ("model.text.model_type=roberta",), "needs a BERT as model.text"),
        ("debug_hubert", ("model.speech.model_type=bert",), "allowed are wav2vec2, hubert"),
        ("speech_encoder", (), "model.speech is empty"),
        ("tiny", ("freeze.lora_rank=4",), "adapters are for composite models"),
    ],
)
def test_options_that_do_not_go_together_are_refused(model, arguments, words):
    assert words in refused(model, *arguments)


def test_an_objective_needs_a_model_whose_parts_allow_it():
    line = refused("debug_hubert", task="pre")
    assert "task.objectives: mlm and sap need text; with model.fusion=audio allowed are" in line
    assert "one stack of both" in refused("debug_cmt", task="pre")
