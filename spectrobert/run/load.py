"""Answers of a trained run, or of a file that it was exported into, by its path."""

from collections.abc import Sequence
from pathlib import Path

from .onnx_predict import OnnxPredictor
from .predict import Predictor
from .prediction import Prediction


def load(folder: str | Path, calibrated: bool = False) -> Predictor:
    """A finished run, or an exported .onnx file of one. Raises UserError as Predictor does.

    Args:
        calibrated: of a run; answers have the probabilities that `calibrate` has fitted.
    """
    return (OnnxPredictor if Path(folder).suffix == ".onnx" else Predictor)(folder, calibrated)


def predict(
    folder: str | Path, audio: Sequence[str], question: str = "", text: str = "", top: int = 5
) -> list[Prediction]:
    """Rank the labels of a finished run for each file; `load` keeps the run for more of them.

    Raises UserError as `Predictor` and its `predict` do.
    """
    return load(folder).predict(list(audio), question, text, top)
