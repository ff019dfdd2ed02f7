"""Pre-trained encoders: Whisper without 30 s of padding, a cached probe, clips padded together.

Random weights of the real sizes: speed does not depend on values. RAVDESS' clips are 3 to 5 s long.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import HubertConfig, WhisperConfig, WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from benchmarks import builds
from benchmarks.timing import Bench, Call, Row, compare, in_turn
from spectrobert.models import freezing
from spectrobert.models.composite import Composite
from spectrobert.models.composite_configuration import CompositeConfig
from spectrobert.models.speech_types import SPEECH_TYPES
from spectrobert.run.prefix_cache import dataset, fill, storage

RATE = 16_000
WHISPER = {"d_model": 512, "encoder_layers": 6, "encoder_attention_heads": 8}
SMALL_WHISPER = {"d_model": 64, "encoder_layers": 2, "encoder_attention_heads": 2}
SMALL_HUBERT = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
CLIPS = 8
PROBED = 128  # batch of the probe
STEPS = 200  # of the cached probe for one that computes its encoder
CLASSES = 8
CLOSE = 1e-4  # a padded clip's largest difference, of states of about unit size


def clips(count: int, shortest: float, longest: float) -> tuple[Tensor, Tensor]:
    """Noise of evenly spread lengths in seconds: (B, T), (B,)."""
    generator = torch.Generator().manual_seed(0)
    lengths = (torch.linspace(shortest, longest, count) * RATE).long()
    waves = [0.1 * torch.randn(int(n), generator=generator) for n in lengths]
    return pad_sequence(waves, batch_first=True), lengths


def whisper_sizes(bench: Bench) -> dict[str, int]:
    sizes = SMALL_WHISPER if bench.is_quick else WHISPER
    return sizes | {"encoder_ffn_dim": 4 * sizes["d_model"]}


def whisper(bench: Bench) -> Row:
    """Features of clips as long as they are, against transformers' on 30 s."""
    config = WhisperConfig(**whisper_sizes(bench))
    ours = SPEECH_TYPES["whisper"](config, False).eval()
    rival = WhisperEncoder._from_config(config).eval()
    extract = WhisperFeatureExtractor()
    waves, lengths = clips(CLIPS, 3.0, 5.0)
    each = [wave[:n].numpy() for wave, n in zip(waves, lengths.tolist())]

    def theirs() -> None:
        features = extract(each, sampling_rate=RATE, return_tensors="pt").input_features
        rival(features)

    def mine() -> None:
        ours(waves, lengths)

    with torch.no_grad():
        mine()
        theirs()
        pairs = in_turn(mine, theirs, bench.repeats)
    return compare(f"Whisper base features, 3 to 5 s, batch {CLIPS}", CLIPS, "clips/s", 5.0, pairs)


def probe(bench: Bench) -> Row:
    """A step of a probe on cached vectors, against one that computes the encoder at every step."""
    options = CompositeConfig(
        speech={"model_type": "whisper", **whisper_sizes(bench)},
        speech_states="weighted",
        norm_states=True,
        pooling="statistics",
        pooled_norm="running",
        head="classification",
        num_logits=CLASSES,
    )
    model = Composite(options)
    freezing.freeze(model, ["head", "pooling"])
    freezing.train_mode(model)
    waves, lengths = clips(PROBED, 3.0, 5.0)
    words = torch.ones(PROBED, 2, dtype=torch.long)
    label = {"label": torch.arange(PROBED) % CLASSES}
    given = {
        "waveform": waves,
        "num_samples": lengths,
        "input_ids": words,
        "text_mask": words.bool(),
    }
    train_on = builds.training_step(model, builds.our_loss)
    with tempfile.TemporaryDirectory() as folder:
        step = _cached_step(model, given, label, train_on, Path(folder))
        step()
        train_on(given | label)
        pairs = in_turn(step, lambda: train_on(given | label), bench.repeats, (STEPS, 1))
    bar = 100.0 if bench.is_quick else 1000.0  # a small encoder costs little
    what = f"probe of Whisper base from the second epoch on, batch {PROBED}"
    return compare(what, PROBED, "clips/s", bar, pairs)


def _cached_step(model: Composite, given: dict, label: dict, train_on: Call, folder: Path) -> Call:
    """A training step on an entry of the cache that holds the batch."""
    prefix = model.frozen_prefix()
    assert not isinstance(prefix, str)
    path = folder / "entry"
    writer = storage.Writer(storage.Entry(path, PROBED, prefix.widths), {})
    with torch.no_grad():
        values = model.run_frozen(given, prefix)
    fill.append(writer, torch.arange(PROBED), values, np.dtype(np.float32))
    writer.flush()
    entry = storage.Entry(path, PROBED, prefix.widths)
    words = [np.ones(2, dtype=np.int64)] * PROBED
    layout = dataset.Layout(prefix, model.is_joint, words)
    rows = np.arange(PROBED)
    return lambda: train_on(dataset.padded(entry, rows, layout) | label)


def mixed_lengths(bench: Bench) -> Row:
    """A group-norm encoder on clips padded together, against one clip at a time."""
    encoder = SPEECH_TYPES["hubert"](
        HubertConfig(**(SMALL_HUBERT if bench.is_quick else {})), False
    )
    encoder.eval()
    waves, lengths = clips(CLIPS, 1.0, 3.0)
    each = [(wave[None, :n], torch.tensor([n])) for wave, n in zip(waves, lengths.tolist())]
    with torch.no_grad():
        together, mask = encoder(waves, lengths)
        alone = [encoder(*one)[0][0] for one in each]
        apart = max((t[m] - a).abs().max().item() for t, m, a in zip(together, mask, alone))
        if apart > CLOSE:
            raise RuntimeError(f"a padded clip differs by {apart:.1e} from the clip alone")
        pairs = in_turn(
            lambda: encoder(waves, lengths),
            lambda: [encoder(*one) for one in each],
            bench.repeats,
        )
    what = f"HuBERT base, 1 to 3 s, {CLIPS} clips padded together"
    note = f"largest difference {apart:.1e}"
    return compare(what, CLIPS, "clips/s", 1.5, pairs, note=note)
