"""Frames of a recording that are clustered: MFCC, or the states of an encoder's layer.

Shapes: T samples, F frames, D values of a frame.
"""

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ...audio.features import SAMPLE_RATE, WINDOW
from ...errors import UserError
from ...models.composite import Composite
from ...models.freezing import fingerprint
from ...models.model import TokenGrid
from ..embed.encoder import Encoder
from ..embed.states import num_layers

DELTA_WINDOW = 5  # frames
PIECE = 30.0  # seconds of a long recording that an encoder hears at once


class Features:
    """Frames of recordings, and their times."""

    name: str  # for people
    grid: TokenGrid

    @abstractmethod
    def of(self, wave: np.ndarray) -> np.ndarray:
        """(T,) at 16 kHz -> (F, D) float32."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Whatever decides the values."""


class Mfcc(Features):
    """HuBERT's first targets: 13 coefficients as Kaldi has them, their deltas and the deltas' own.

    100 frames per second, 39 values.
    """

    name = "mfcc"
    grid = TokenGrid(WINDOW / 2 / SAMPLE_RATE, 0.01)

    def of(self, wave: np.ndarray) -> np.ndarray:
        from torchaudio.compliance.kaldi import mfcc
        from torchaudio.functional import compute_deltas

        samples = torch.from_numpy(wave)
        samples = F.pad(samples, (0, max(0, WINDOW - len(samples))))
        cepstra = mfcc(samples[None], sample_frequency=SAMPLE_RATE, use_energy=False).T  # (13, F)
        deltas = compute_deltas(cepstra, DELTA_WINDOW)
        return torch.cat([cepstra, deltas, compute_deltas(deltas, DELTA_WINDOW)]).T.numpy()

    def facts(self) -> dict[str, Any]:
        return {"features": self.name}


class Layer(Features):
    """States behind a layer of a speech encoder; 0 is the input of the first.

    Raises UserError for a model without a speech encoder, or with fewer layers.
    """

    def __init__(self, encoder: Encoder, layer: int):
        model = encoder.model
        if not (isinstance(model, Composite) and model.hears):
            raise UserError(f"--model {encoder.name} has no speech encoder whose layers give units")
        if not 0 <= layer <= num_layers(model):
            raise UserError(f"--layer {layer}: {encoder.name} has layers 0 to {num_layers(model)}")
        self.encoder, self.speech, self.layer = encoder, model.speech, layer
        self.name = f"layer {layer} of {encoder.name}"
        self.grid = self.speech.grid

    @torch.inference_mode()
    def of(self, wave: np.ndarray) -> np.ndarray:
        pieces = np.split(wave, range(self._piece, len(wave) - self._least, self._piece))
        return np.concatenate([self._states(piece) for piece in pieces])

    @property
    def _piece(self) -> int:
        """Samples of a piece: a whole number of frames."""
        frames = int(PIECE / self.grid.step)
        return round(frames * self.grid.step * SAMPLE_RATE)

    @property
    def _least(self) -> int:
        """Samples below which what is left of a recording goes with the piece before."""
        return self.speech.receptive_field

    def _states(self, wave: np.ndarray) -> np.ndarray:
        device = next(self.speech.parameters()).device
        samples = torch.from_numpy(wave)[None].to(device)
        hidden, mask = self.speech.start(samples, torch.tensor([len(wave)], device=device))
        for state in self.speech.run_layers(hidden, mask, 0, self.layer):
            hidden = state
        return hidden[0].float().cpu().numpy()

    def facts(self) -> dict[str, Any]:
        weights = fingerprint(self.speech.state_dict())
        return {"features": self.name, "weights": weights}
