"""Attention of a run over a sound and its words, as the page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from ...run.asked_words import Asked
from ...run.predict import Predictor


@dataclass(frozen=True)
class Look:
    """A picture, shaded words, and a line on what they show, or why there are none."""

    note: str
    picture: str = ""  # HTML
    words: str = ""  # HTML


def look(predictor: Predictor, asked: Asked) -> Look:
    """Attention over the spectrogram. Raises UserError as `predict` does."""
    from ...run.onnx_predict import OnnxPredictor

    if isinstance(predictor, OnnxPredictor):
        return Look("an exported file shows no attention: serve the run's folder")
    import torch

    from ...models.attention import NO_WEIGHTS, attention, log_mel
    from ...run.heard_batch import heard_batch
    from ..report.attention import NO_AUDIO, spectrogram, words

    batch = heard_batch(predictor, asked)
    with torch.inference_mode():
        weights, audio, note = attention(predictor.model, batch)
        if note == NO_WEIGHTS:
            return Look(note)
        mels, _ = log_mel(predictor.model)(batch["waveform"], batch["num_samples"])
    pieces = predictor.tokenizer.convert_ids_to_tokens(batch["input_ids"][0].tolist())
    has_words = bool(asked.question or asked.text) and any(weights)
    shaded = words(list(zip(pieces, weights))) if has_words else ""
    if not (share := float(audio.sum())):
        return Look(NO_AUDIO, words=shaded)
    seconds = int(batch["num_samples"][0]) / 16_000
    picture = spectrogram(mels[0].T.numpy(), audio, seconds, "the sound")
    seen = f"red: where [CLS] looks in the last layer; {share:.0%} of it on the sound"
    return Look(note or seen, picture, shaded)
