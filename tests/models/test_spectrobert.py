"""The whole network: padding, options, saving."""

import pytest
import torch

from spectrobert.models.batch import IGNORED, Batch
from spectrobert.models.configuration import SpectroBertConfig
from spectrobert.models.spectrobert import SpectroBert

from ..helpers.toy import CLOSE, TOY, classifier, padded_batch

OPTIONS = [
    {},
    {"architecture": "late_fusion"},
    {"conv_norm": "group"},
    {"audio_positions": "none"},
    {"patch": (128, 16), "stride": (128, 16)},
    {"patch": (128, 16), "stride": (128, 10), "conv_pooling": "concat"},
]


def clip(wave: torch.Tensor) -> Batch:
    """One clip (1, T)."""
    return {"waveform": wave, "num_samples": torch.tensor([wave.shape[1]])}


@pytest.mark.parametrize("options", OPTIONS)
def test_padding_changes_no_logit(options):
    model = classifier(**options)
    batch = padded_batch(60)
    alone = {
        "waveform": batch["waveform"][1:, :9000],
        "num_samples": batch["num_samples"][1:],
        "input_ids": batch["input_ids"][1:, :5],
        "text_mask": batch["text_mask"][1:, :5],
    }
    with torch.no_grad():
        torch.testing.assert_close(model(batch).logits[1:], model(alone).logits, **CLOSE)


SHORT = [320, 400, 559, 560, 1600, 2640, 2799, 2800, 2960, 4800]  # samples: 0.02 to 0.3 s


@pytest.mark.parametrize("options", [*OPTIONS, {"pad_to_max": True}])
def test_a_short_clip_is_heard_alike_alone_and_in_a_batch(options):
    """A column of patches spans 2800 samples (0.175 s)."""
    model = classifier(**options)
    generator = torch.Generator().manual_seed(0)
    waves = [0.1 * torch.randn(n, generator=generator) for n in [*SHORT, 16_000]]

    def logits(waves: list[torch.Tensor]) -> torch.Tensor:
        batch = {
            "waveform": torch.nn.utils.rnn.pad_sequence(waves, batch_first=True),
            "num_samples": torch.tensor([len(wave) for wave in waves]),
            "input_ids": torch.ones(len(waves), 3, dtype=torch.long),
            "text_mask": torch.ones(len(waves), 3, dtype=torch.bool),
        }
        with torch.no_grad():
            return model(batch).logits

    alone = torch.cat([logits([wave]) for wave in waves])
    torch.testing.assert_close(logits(waves), alone, rtol=0, atol=1e-5)
    torch.testing.assert_close(logits(waves[:5]), alone[:5], rtol=0, atol=1e-5)


def test_a_short_clip_is_followed_by_digital_silence():
    model = classifier()
    wave = 0.1 * torch.randn(1, 2800, generator=torch.Generator().manual_seed(0))
    silent = torch.where(torch.arange(2800) < 1000, wave, 0.0)
    with torch.no_grad():
        short, _ = model.audio_tokens(clip(wave[:, :1000]))
        padded, _ = model.audio_tokens(clip(silent))
    assert short.shape[1] == 1
    torch.testing.assert_close(short, padded, rtol=0, atol=1e-6)


def test_what_is_heard_and_read_matters():
    model = classifier()
    batch = padded_batch(60)
    with torch.no_grad():
        logits = model(batch).logits
        louder = model(batch | {"waveform": batch["waveform"] * 2}).logits
        other = model(batch | {"input_ids": batch["input_ids"].roll(1, dims=1)}).logits
    assert (logits - louder).abs().max() > 1e-4
    assert (logits - other).abs().max() > 1e-4


def test_order_of_audio_is_seen_only_with_positions():
    """VisualBERT's reading gives all audio tokens one position: a reversed clip looks alike."""
    wave = 0.1 * torch.randn(1, 400 + 160 * 31, generator=torch.Generator().manual_seed(0))
    base = {"input_ids": torch.ones(1, 3, dtype=torch.long), "text_mask": torch.ones(1, 3).bool()}
    for positions, is_seen in (("learned", True), ("none", False)):
        model = classifier(audio_positions=positions, patch=(128, 16), stride=(128, 16))
        with torch.no_grad():
            audio, _ = model.audio_tokens(clip(wave))
            assert audio.shape[1] == 2
            outputs = [
                model.encoder(model.embeddings(base["input_ids"], a)).last_hidden_state[:, 0]
                for a in (audio, audio.flip(1))
            ]
        assert ((outputs[0] - outputs[1]).abs().max() > 1e-5) == is_seen


def test_pad_to_max_is_the_faithful_1212_patches():
    model = classifier(pad_to_max=True)
    batch = padded_batch(60)
    with torch.no_grad():
        audio, real = model.audio_tokens(batch)
    assert audio.shape == (2, 101, 12, 32)
    assert real.all()
    assert model.config.max_seconds == pytest.approx(10.255)  # 1024 frames: nothing later is heard


def test_head_sees_only_masked_words():
    torch.manual_seed(0)
    model = SpectroBert(SpectroBertConfig(**TOY, head="pretraining")).eval()
    batch = padded_batch(60)
    labels = torch.full_like(batch["input_ids"], IGNORED)
    labels[0, 2], labels[1, 3] = 7, 9
    with torch.no_grad():
        output = model(batch | {"mlm_labels": labels})
        weight = model.embeddings.word_embeddings.weight
        expected = model.head.transform(output.hidden[[0, 1], [2, 3]]) @ weight.T + model.head.bias
    assert output.match.shape == (2,)
    torch.testing.assert_close(output.masked_words, expected, **CLOSE)


@pytest.mark.parametrize("head", ["none", "pretraining", "classification"])
def test_saved_and_loaded_bit_by_bit(tmp_path, head):
    torch.manual_seed(0)
    model = SpectroBert(SpectroBertConfig(**TOY, head=head, num_logits=3, patch=(128, 16)))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)  # no value that a fresh model would have as well
    model.save_pretrained(tmp_path)
    loaded = SpectroBert.from_pretrained(tmp_path)
    assert loaded.config.patch == (128, 16)
    assert model.state_dict().keys() == loaded.state_dict().keys()
    for name, value in model.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name]), name


def test_base_has_the_sizes_of_the_papers():
    config = SpectroBertConfig()
    assert config.conv_frames == 1
    with torch.device("meta"):
        model = SpectroBert(config)
    conv = sum(p.numel() for p in model.audio_encoder.conv_layers.parameters())
    # wav2vec 2.0 large's seven layers hold 4,210,176, the last 512*512*2 + 512 + 2*512
    assert conv == 4_210_176 - (512 * 512 * 2 + 512 + 2 * 512)
    assert sum(p.numel() for p in model.encoder.parameters()) == 85_054_464  # BERT base, 12 layers


def test_the_head_has_dropout_in_training_alone():
    head = classifier(head_dropout_prob=0.25).head
    torch.nn.init.ones_(head.linear.weight)
    torch.nn.init.zeros_(head.linear.bias)
    hidden = torch.ones(500, 1, 32)  # logits: the sum of what is kept, divided by 3 / 4
    assert torch.equal(head(hidden, {}, None)["logits"], torch.full((500, 3), 32.0))
    kept = head.train()(hidden, {}, None)["logits"][:, 0].detach() * 0.75
    torch.testing.assert_close(kept, kept.round())
    assert float(kept.mean()) == pytest.approx(24, abs=0.5)  # 4.6 standard errors
    assert 2 < kept.std() < 3  # sqrt(32 x 3/16) = 2.45


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"patch": (8, 8)}, "too few"),
        ({"patch": (200, 16)}, "taller"),
        ({"patch": (16,)}, "two positive numbers"),
        ({"conv_norm": "batch"}, "allowed are layer, group"),
        ({"hidden_size": 30, "num_attention_heads": 4}, "not a multiple"),
        ({"conv_strides": (5, 2)}, "differ in length"),
        ({"pad_to_max": True, "max_frames": 15}, "shorter than the 16 frames"),
    ],
)
def test_refuses_impossible_sizes(options, words):
    with pytest.raises(ValueError, match=words):
        SpectroBertConfig(**options)


def test_late_fusion_reads_no_word_in_the_light_of_the_audio():
    """Its words are the same with any sound; SpectroBERT's are not, and both hear it in [CLS]."""
    batch = padded_batch(60)
    other = batch | {"waveform": batch["waveform"].flip(0) + 0.1}
    for architecture, is_mixed in (("spectrobert", True), ("late_fusion", False)):
        model = classifier(architecture=architecture)
        with torch.no_grad():
            first, second = model.encode(batch)[0], model.encode(other)[0]
            change = model(batch).logits - model(other).logits
        words = slice(1, 5)
        difference = (first[:, words] - second[:, words]).abs().max()
        assert (difference > 1e-4) == is_mixed
        assert change.abs().max() > 1e-5


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("hidden_dropout_prob", 2.0, "0 or more and below 1"),
        ("attention_probs_dropout_prob", 1.0, "0 or more and below 1"),
        ("head_dropout_prob", float("nan"), "0 or more and below 1"),
        ("num_attention_heads", 0, "1 or more"),
        ("num_hidden_layers", -1, "1 or more"),
        ("conv_dim", 0, "1 or more"),
        ("layer_norm_eps", 0.0, "above 0 and finite"),
        ("audio_std", float("inf"), "above 0 and finite"),
        ("audio_mean", float("nan"), "finite"),
        ("initializer_range", -1.0, "0 or more and finite"),
        ("hidden_act", "nope", "one of gelu, "),
        ("conv_kernels", [], "positive numbers, one per layer"),
        ("conv_strides", [0, 2, 2, 2, 2, 2], "positive numbers, one per layer"),
    ],
)
def test_a_value_out_of_bounds_is_refused(field, value, allowed):
    with pytest.raises(ValueError, match=rf"^model\.{field}=.*: (must be )?{allowed}"):
        SpectroBertConfig(**{field: value})
