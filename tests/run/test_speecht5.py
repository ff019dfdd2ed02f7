"""SpeechT5 from published checkpoints and from runs of the other modality; bad input."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from spectrobert.run import build, scoring
from spectrobert.run.load import predict
from spectrobert.settings import composition

from ..helpers.runs import finish
from ..helpers.sounds import noise, noise_table
from ..helpers.weights import TEXTS, refusal, save_speecht5
from ..helpers.world import configure

LABELS = ("negative", "positive")
WORDS = ("--task", "sentiment", "--dataset", "demo", "model=speecht5")
SPLITS = ("train",) * 8 + ("val",) * 3 + ("test",) * 3


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # read at import


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Folders of the two kinds of checkpoints."""
    folder = tmp_path_factory.mktemp("published")
    return (
        save_speecht5(folder / "asr", "SpeechToText"),
        save_speecht5(folder / "tts", "TextToSpeech"),
    )


def built(*arguments: str):
    """The model of a command line, as a run builds it."""
    config = composition.compose([*WORDS, *arguments])
    words = build.tokenizer(config, TEXTS)
    settings = build.model_config(config, len(words), LABELS, words.pad_token_id or 0)
    return build.model(config, settings)


def parts(model) -> dict[str, dict[str, torch.Tensor]]:
    """Our modules by the names of a checkpoint."""
    owners = {
        "encoder.wrapped_encoder": model.encoder,
        "decoder.wrapped_decoder": model.decoder,
        "speech": model.speech.model,
        "text": model.text,
    }
    return {name: module.state_dict() for name, module in owners.items()}


def assert_given(tensors, folder, prefix: str) -> None:
    given = load_file(folder / "model.safetensors")
    assert tensors
    for name, value in tensors.items():
        assert torch.equal(value, given[f"speecht5.{prefix}.{name}"]), name


@pytest.mark.parametrize("shared", ["speech", "text"])
def test_each_pre_net_is_of_its_checkpoint_and_the_rest_of_one(shared, published):
    asr, tts = published
    init = (f"init.speech_model={asr}", f"init.text_model={tts}", f"model.shared={shared}")
    own = parts(built(*init))
    assert_given(own.pop("speech"), asr, "encoder.prenet")
    assert_given(own.pop("text"), tts, "encoder.prenet")
    for prefix, tensors in own.items():
        assert_given(tensors, asr if shared == "speech" else tts, prefix)


def test_one_checkpoint_serves_one_modality(published):
    asr, tts = published
    text = built("init.speech_model=random", f"init.text_model={tts}", "model.shared=text")
    assert_given(parts(text)["encoder.wrapped_encoder"], tts, "encoder.wrapped_encoder")
    speech = built(f"init.speech_model={asr}", "init.text_model=random")
    assert_given(parts(speech)["speech"], asr, "encoder.prenet")
    message = refusal(built, "init.speech_model=random", f"init.text_model={tts}")
    assert "model.shared=speech: no speech model is named" in message


def test_checkpoints_that_do_not_fit_are_refused_in_a_line(published, tmp_path):
    asr, tts = published
    wide = save_speecht5(tmp_path / "wide", "SpeechToText", encoder_ffn_dim=96)
    cases = {
        (tts, tts): "is a SpeechT5ForTextToSpeech, which has no speech pre-net",
        (asr, asr): "is a SpeechT5ForSpeechToText, which has no text pre-net",
        (wide, tts): "is of another size than model: encoder_ffn_dim=96 there, 64 here",
    }
    for (speech, text), message in cases.items():
        init = (f"init.speech_model={speech}", f"init.text_model={text}")
        assert message in refusal(built, *init), message
    tensors = load_file(asr / "model.safetensors")
    del tensors["speecht5.encoder.wrapped_encoder.layers.0.attention.k_proj.weight"]
    save_file(tensors, asr / "model.safetensors", {"format": "pt"})
    message = refusal(built, f"init.speech_model={asr}", f"init.text_model={tts}")
    assert "is damaged or incomplete: it lacks 1 tensors" in message


def test_checkpoints_need_a_tokenizer_of_theirs(published, tmp_path):
    _, tts = published
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("config.json", "model.safetensors"):
        (bare / name).write_bytes((tts / name).read_bytes())
    init = ("init.speech_model=random", f"init.text_model={bare}", "model.shared=text")
    assert f"no tokenizer in {bare}" in refusal(built, *init)


def on_noise(folder, name: str, *more: str, text: str = "words"):
    quick = ("trainer.epochs=1", "trainer.batch_size=4", f"experiment_name={name}")
    config = configure(
        folder, "sentiment", *quick, "model=debug_speecht5", *more, from_checkpoint=True
    )
    cells = [f"{text},{'ab'[i % 2]},{split},{split}" for i, split in enumerate(SPLITS)]
    config.dataset = noise_table(folder, "text,label,split,speaker", cells)
    return config


def test_a_run_of_text_starts_from_one_of_speech(tmp_path):
    first, results, _ = finish(on_noise(tmp_path, "speech"))
    assert scoring.evaluate(first.path).to_dict() == results["test"]
    more = ("model.modality=text", f"init.checkpoint={first}", "freeze=probe")
    second, results, printed = finish(on_noise(tmp_path, "text", *more))
    assert "head: the checkpoint's" in printed
    assert results["prefix_cache"]["used"]
    before, after = (load_file(run.model / "model.safetensors") for run in (first, second))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"head.linear.weight", "head.linear.bias"}
    file = noise(tmp_path / "new.wav", 99)
    for run, text in ((first, ""), (second, "words")):
        (prediction,) = predict(run.path, [file], text=text)
        assert sum(share for _, share in prediction.ranked) == pytest.approx(1.0)


def test_text_to_class_needs_text(tmp_path):
    config = on_noise(tmp_path, "none", "model.modality=text", text="")
    assert "states no text in any training row" in refusal(finish, config)
    assert not (tmp_path / "runs").exists()
