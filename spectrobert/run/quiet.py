"""Libraries that advertise or warn of what is no news."""

import logging
import warnings

from transformers.utils.logging import disable_progress_bar

# Warnings that are no news, as regular expressions
EVERYWHERE = (
    # conv weights with one input channel, whose strides mean nothing
    "Grad strides do not match bucket view strides",
    # transformers' WavLM hands torch a mask of truth values and a bias of numbers
    "Support for mismatched key_padding_mask and attn_mask",
    # objectives of pre-training draw what each batch masks
    "You have overridden `on_before_batch_transfer`.*",
    # a run on one's own machine needs no srun, even if a cluster is installed
    ".*`srun` command is available.*",
)


def quiet() -> None:
    """Silence the advertisements and the bars of libraries; their warnings and errors stay."""
    for name in ("pytorch_lightning", "lightning_fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.WARNING)
    disable_progress_bar()
    for message in EVERYWHERE:
        warnings.filterwarnings("ignore", message=message)
