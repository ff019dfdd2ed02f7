"""One clip as a pure function of tensors: the numbers are those of the model itself."""

from copy import deepcopy

import pytest
import torch

from spectrobert.audio.features import LogMel
from spectrobert.config.tasks import SerConfig
from spectrobert.models.configuration import SpectroBertConfig
from spectrobert.models.exportable import Exportable, add_constants, log_mel
from spectrobert.models.late_fusion import LateFusion
from spectrobert.models.model import Model
from spectrobert.models.spectrobert import SpectroBert

from ..helpers.encoders import DEBUG, WORDS, composite, configuration, moved, noise

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "conv_dim": 16,
    "vocab_size": WORDS,
    "head": "classification",
    "num_logits": 3,
}
VARIANTS = {
    "patches": {},
    "statistics": {"pooling": "statistics", "pooled_norm": "layer"},
    "padded": {"pad_to_max": True, "max_frames": 400},
    "clip": {"normalization": "clip", "mel_std": [2.0] * 128},
    "group norm": {"conv_norm": "group"},
}


def same(model: Model, wave: torch.Tensor) -> None:
    """Logits and what the head reads, for one clip and nine word pieces."""
    ids = torch.arange(5, 14)[None]
    batch = {"waveform": wave[None], "num_samples": torch.tensor([len(wave)])}
    batch |= {"input_ids": ids, "text_mask": torch.ones_like(ids, dtype=torch.bool)}
    with torch.inference_mode():
        expected = model(batch)
        logits, answers, embedding = Exportable(deepcopy(model), SerConfig())(wave[None], ids)
    torch.testing.assert_close(logits, expected.logits, atol=2e-5, rtol=0)
    torch.testing.assert_close(embedding, expected.hidden[:, 0], atol=2e-5, rtol=1e-5)
    torch.testing.assert_close(answers.sum(), torch.tensor(1.0, dtype=torch.float64))
    assert answers.argmax() == logits.argmax()


@pytest.mark.parametrize("bins", [128, 5, 400])
@pytest.mark.parametrize("samples", [400, 5555, 30_000])
def test_log_mels_by_matrix_products_are_those_of_the_fourier_transform(samples, bins):
    (wave,) = noise(samples)
    wave[samples // 2 :] *= 1e-3  # quiet frames, in which rounding weighs most
    front_end = LogMel(bins, -4.27, 4.57)
    expected, lengths = front_end(wave[None], torch.tensor([samples]))
    add_constants(front_end)
    found, count = log_mel(front_end, wave[None], torch.tensor([samples]))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
    assert count == lengths


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_a_spectrobert_of_one_clip_is_itself(options):
    torch.manual_seed(0)
    model = moved(SpectroBert(SpectroBertConfig(**SMALL | options))).eval()
    same(model, noise(17_333)[0])


def test_late_fusion_of_one_clip_is_itself():
    torch.manual_seed(0)
    same(moved(LateFusion(SpectroBertConfig(**SMALL))).eval(), noise(9000)[0])


@pytest.mark.parametrize(
    "name", [name for name in DEBUG if not configuration(name).needs_word_times]
)
def test_a_composite_of_one_clip_is_itself(name):
    same(composite(name), noise(9000)[0])
