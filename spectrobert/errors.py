"""The errors a user meets: one line, exit code 2, no traceback."""

import difflib
import os
import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec

INTERRUPTED = 130
# extra of pyproject.toml -> the modules that only its feature imports
EXTRAS = {
    "comet": ("comet_ml",),
    "tune": ("optuna", "matplotlib"),
    "report": ("jinja2", "matplotlib", "PIL"),
    "notebooks": ("jupyterlab", "librosa"),
    "download": ("pooch", "requests", "urllib3", "huggingface_hub"),
    "lora": ("peft",),
    "augment": ("audiomentations", "fast_mp3_augment", "pyroomacoustics"),
    "mosei": ("h5py",),
    "audformat": ("audformat",),
    "slurm": ("submitit",),
    "classic": ("opensmile",),
    "speecht5": ("sentencepiece",),
    "timeline": ("silero_vad",),
    "video": ("av",),
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "serve": ("gradio", "matplotlib"),
    "caption": ("aac_metrics",),
    "docs": ("mkdocs",),
}


class UserError(ValueError):
    """An error that the user can correct, in one line: the value, and what is allowed."""


def unknown(kind: str, name: object, known: Iterable[object]) -> UserError:
    """An error for a name that is not in a registry.

    >>> str(unknown("task", "sre", ["ser", "pre"]))
    "unknown task 'sre' (did you mean 'ser'?); known: pre, ser"
    """
    names = sorted(str(n) for n in known)
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return UserError(f"unknown {kind} {str(name)!r}{hint}; known: {', '.join(names)}")


def require_extra(extra: str, feature: str) -> None:
    """Raise UserError if a package is missing that only this feature needs."""
    missing = [module for module in EXTRAS[extra] if find_spec(module) is None]
    if missing:
        raise UserError(f"{feature} needs {', '.join(missing)}: pip install 'spectrobert[{extra}]'")


def exit_code(command: Callable[[], int | None]) -> int:
    """Run a command. Returns its exit code: 2 for an error of the user's, 130 if interrupted."""
    # The tokenizers' threads do not survive the workers' fork
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        return command() or 0
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # a run has logged what it wrote
        return INTERRUPTED
