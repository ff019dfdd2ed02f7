"""Write the golden models anew: `python -m tests.golden.make`, from the root of the checkout.

Drift is a decision. The files next to this one hold what the model computed when it was last agreed
on. Where tests/test_golden.py fails, either the change is a fault, or it is meant: then run this,
commit the new files in the commit that changes the numbers, and say in its message which trained
checkpoints no longer mean what they meant.
"""

from pathlib import Path

import numpy as np
import torch

from spectrobert.models.batch import IGNORED
from spectrobert.models.configuration import SpectroBertConfig
from spectrobert.models.spectrobert import SpectroBert

FOLDER = Path(__file__).parent
BATCH = FOLDER / "batch.npz"  # waveforms as 16-bit PCM; the rest as the model takes it
EXPECTED = "expected.npz"  # one in the folder of each head
HEADS = {"classification": 3, "pretraining": 0}  # head -> logits
# The thesis' geometry (16x16 patches, six conv layers), narrow
SIZES = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": 8,
    "max_position_embeddings": 16,
    "max_audio_positions": 16,
}


def build(head: str) -> SpectroBert:
    """A seeded model whose biases and norms are not the zeros and ones of a fresh one."""
    torch.manual_seed(0)
    model = SpectroBert(SpectroBertConfig(**SIZES, head=head, num_logits=HEADS[head])).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return model


def batch() -> dict[str, np.ndarray]:
    """Two clips, the second with padding in text and audio; noise, so that no mel bin is empty."""
    rng = np.random.default_rng(0)
    seconds = np.arange(9600) / 16_000
    tone = 0.3 * np.sin(2 * np.pi * np.array([[440.0], [1760.0]]) * seconds)
    waveform = np.round(32767 * (tone + 0.1 * rng.standard_normal(tone.shape)).clip(-1, 1))
    num_samples = np.array([9600, 6000])
    waveform[1, num_samples[1] :] = 0
    input_ids = rng.integers(5, SIZES["vocab_size"], (2, 7))
    text_mask = np.ones((2, 7), dtype=bool)
    text_mask[1, 4:] = False
    input_ids[~text_mask] = 0
    mlm_labels = np.full((2, 7), IGNORED)
    mlm_labels[0, 2], mlm_labels[0, 5], mlm_labels[1, 1] = 9, 20, 31
    return {
        "waveform": waveform.astype(np.int16),
        "num_samples": num_samples,
        "input_ids": input_ids,
        "text_mask": text_mask,
        "mlm_labels": mlm_labels,
    }


def read_batch() -> dict[str, torch.Tensor]:
    """The stored batch, as the model takes it."""
    with np.load(BATCH) as stored:
        tensors = {name: torch.from_numpy(stored[name]) for name in stored.files}
    return tensors | {"waveform": tensors["waveform"] / 32768}


def outputs(model: SpectroBert) -> dict[str, np.ndarray]:
    """Every tensor that the model returns for the stored batch, and the sequence as a whole."""
    with torch.no_grad():
        hidden, mask = model.encode(read_batch())
        given = vars(model(read_batch()))
        found = {n: v for n, v in given.items() if isinstance(v, torch.Tensor)} | {
            "hidden": hidden,
            "mask": mask,
        }
    return {name: value.numpy() for name, value in found.items() if value is not None}


def main() -> None:
    """Batch, weights and outputs, in place of those next to this file."""
    np.savez_compressed(BATCH, **batch())
    for head in HEADS:
        model = build(head)
        model.save_pretrained(FOLDER / head)
        np.savez_compressed(FOLDER / head / EXPECTED, **outputs(model))


if __name__ == "__main__":
    main()
