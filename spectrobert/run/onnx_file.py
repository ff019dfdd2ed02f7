"""An exported run in onnxruntime, without torch.

Shapes: T samples, L word pieces, C labels, P width of what the head reads.
"""

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError, require_extra

INPUTS = ("waveform", "input_ids")
OUTPUTS = ("logits", "answers", "embedding")
AS_TEXT = ("task", "tokenizer")  # metadata that are no JSON
NEEDED = ("labels", "config", "max_seconds", "least_samples", "shortest", *AS_TEXT)


class Session:
    """The network in an ONNX file, and the file's metadata.

    Raises UserError for a file that the verb export has not written.
    """

    def __init__(self, path: str | Path):
        if find_spec("onnxruntime") is None:
            require_extra("onnx", f"{path}")
        if not os.path.isfile(path):
            raise UserError(f"{path}: no such file")
        self._session = _opened(path)
        known = self._session.get_modelmeta().custom_metadata_map
        if lacking := [name for name in NEEDED if name not in known]:
            raise UserError(
                f"{path} was not written by the verb export: its metadata lack {', '.join(lacking)}"
            )
        self.facts: dict[str, Any] = {
            name: text if name in AS_TEXT else json.loads(text) for name, text in known.items()
        }

    def run(self, wave: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, ...]:
        """Waveform (T,) float32 and word pieces (L,) -> logits, answers (C,), embedding (P,).

        A clip shorter than the file's `shortest` continues as digital silence.
        """
        short = max(0, self.facts["shortest"] - len(wave))
        asked = dict(zip(INPUTS, (np.pad(wave, (0, short)), ids)))
        names = {one.name for one in self._session.get_inputs()}
        given = {name: value[None] for name, value in asked.items() if name in names}
        return tuple(found[0] for found in self._session.run(list(OUTPUTS), given))


def _opened(path: str | Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    asked = os.environ.get("OMP_NUM_THREADS", "")
    options.intra_op_num_threads = int(asked) if asked.isdigit() else cores
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no base of their own
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"{path} is no ONNX file that onnxruntime reads: {reason}") from error
