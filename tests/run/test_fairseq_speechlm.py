"""Published checkpoints of SpeechLM: names of fairseq, refusals in one line."""

import argparse

import pytest
import torch
from safetensors.torch import load_file, save_file

from spectrobert.run.fairseq_speechlm import weights

from ..helpers.encoders import speech_encoder
from ..helpers.weights import refusal
from .test_composite_sources import finished

TITLE = "speech model 'x.pt'"
LAYER = (
    *("self_attn.k_proj", "self_attn.v_proj", "self_attn.q_proj", "self_attn.out_proj"),
    *("self_attn_layer_norm", "fc1", "fc2", "final_layer_norm"),
)


def pairs(module: str, *names: str) -> list[str]:
    return [f"{module}.{name}.{kind}" for name in names for kind in ("weight", "bias")]


# Of debug_speechlm in the layout of fairseq: one layer of speech, one shared
NAMES = {
    *(f"feature_extractor.conv_layers.{i}.0.weight" for i in range(7)),
    *pairs("feature_extractor.conv_layers.0", "2"),
    *("layer_norm.weight", "layer_norm.bias"),
    *("post_extract_proj.weight", "post_extract_proj.bias"),
    *("encoder.pos_conv.0.weight_g", "encoder.pos_conv.0.weight_v", "encoder.pos_conv.0.bias"),
    *("encoder.pos_emb.pe_k.weight", "unit_encoder.pos_emb.pe_k.weight"),
    *pairs("encoder", "layer_norm"),
    *pairs("encoder.layers.0", *LAYER),
    *pairs("unit_encoder", "layernorm_embedding"),
    "unit_encoder.embed_positions.weight",
    *pairs("unit_encoder.layers.0", *LAYER),
}
# Not used: layers of pre-training, and norms that post-norm layers do not read
OTHERS = ("mask_emb", "label_embs_list.0", "encoder.layers.0.norm_k.weight", "unit_encoder.version")


@pytest.fixture(scope="module")
def encoder():
    return speech_encoder("debug_speechlm").model


@pytest.fixture
def theirs(encoder) -> dict[str, torch.Tensor]:
    """Random tensors of the sizes of `encoder`, by fairseq's names."""
    from spectrobert.run.fairseq_speechlm import their_name

    sizes = {their_name(name): value.shape for name, value in encoder.state_dict().items()}
    assert sizes.keys() == NAMES
    table = sizes["unit_encoder.embed_positions.weight"]
    sizes["unit_encoder.embed_positions.weight"] = torch.Size((table[0] + 2, table[1]))
    others = {name: torch.zeros(1) for name in OTHERS}
    return {name: torch.randn(size) for name, size in sizes.items()} | others


def test_a_run_starts_from_a_published_file(theirs, tmp_path):
    path = tmp_path / "published.pt"
    torch.save({"model": theirs, "args": None}, path)
    more = (f"init.speech_model={path}", "init.allow_bin=true", "freeze=probe")
    run, results, printed = finished(tmp_path, "debug_speechlm", *more, "model.pooling=gru")
    assert f"speech encoder: weights of {path}" in printed
    assert results["init"]["speech_model"] == str(path)
    tuned = load_file(run.model / "model.safetensors")
    for ours, name in {
        "encoder.layers.0.attention.q_proj.weight": "encoder.layers.0.self_attn.q_proj.weight",
        "shared.layers.0.feed_forward.output_dense.bias": "unit_encoder.layers.0.fc2.bias",
        "shared.layer_norm.weight": "unit_encoder.layernorm_embedding.weight",
        "feature_projection.projection.bias": "post_extract_proj.bias",
    }.items():
        assert torch.equal(tuned[f"speech.model.{ours}"], theirs[name])
    positions = theirs["unit_encoder.embed_positions.weight"][2:]
    assert torch.equal(tuned["speech.model.shared.positions.weight"], positions)


def test_files_that_do_not_fit_are_refused_in_one_line(encoder, theirs, tmp_path):
    own = encoder.state_dict()

    def message(held: object, allow_bin: bool = True) -> str:
        torch.save(held, tmp_path / "x.pt")
        return refusal(weights, TITLE, str(tmp_path / "x.pt"), own, allow_bin)

    assert message({"model": theirs}, allow_bin=False).endswith("read it with init.allow_bin=true")
    more_than_tensors = {"model": theirs, "args": argparse.Namespace(arch="speechlm")}
    assert "holds more than tensors" in message(more_than_tensors)
    lacking = {n: v for n, v in theirs.items() if n != "unit_encoder.layers.0.fc1.bias"}
    assert "its unit_encoder.layers.0.fc1.bias is missing, (64,) is needed" in message(lacking)
    other = theirs | {"post_extract_proj.bias": torch.zeros(7)}
    assert "post_extract_proj.bias is (7,), (32,) is needed" in message(other)
    (tmp_path / "x.pt").write_bytes(b"PK\x03\x04")
    assert "is damaged" in refusal(weights, TITLE, str(tmp_path / "x.pt"), own, True)
    assert "no such file" in refusal(weights, TITLE, str(tmp_path / "none.pt"), own, True)


def test_safetensors_need_no_permission(encoder, theirs, tmp_path):
    save_file(theirs, tmp_path / "x.safetensors")
    found = weights(TITLE, str(tmp_path / "x.safetensors"), encoder.state_dict(), False)
    assert found.keys() == encoder.state_dict().keys()


def test_files_are_of_speechlm_alone(tmp_path):
    message = refusal(finished, tmp_path, "debug_hubert", "init.speech_model=x.pt")
    assert "files are read for model=speechlm alone, not for hubert" in message
