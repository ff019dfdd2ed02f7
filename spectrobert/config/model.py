"""Sizes and options of a SpectroBERT model: name, type and default, once.

Apart from configuration.py, which imports transformers: a command line is read without it.
"""

from dataclasses import dataclass

# What a task or a tokenizer decides, not the user's `model.` group.
DERIVED = ("vocab_size", "head", "num_logits")
# model.architecture -> module and class in spectrobert/models
ARCHITECTURES = {"spectrobert": "spectrobert.SpectroBert", "late_fusion": "late_fusion.LateFusion"}


@dataclass(repr=False, eq=False)
class ModelOptions:
    """Sizes and options. The defaults are the thesis' model (`model=base`)."""

    architecture: str = "spectrobert"  # or a rival: ARCHITECTURES

    # BERT (transformers' names and defaults: bert-base-uncased)
    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12

    # log-mel, with AudioSet's statistics as in AST
    num_mel_bins: int = 128
    audio_mean: float = -4.2677393
    audio_std: float = 4.5689974

    # patches: (mel bins, frames)
    patch: list[int] | tuple[int, ...] = (16, 16)
    stride: list[int] | tuple[int, ...] = (10, 10)
    pad_to_max: bool = False  # True: every clip is padded to max_frames, unmasked, as AST does
    max_frames: int = 1024  # 10.24 s; what pad_to_max pads to
    # "learned": a time and a frequency table | "none", as in VisualBERT
    audio_positions: str = "learned"
    max_audio_positions: int = 512  # rows of the time table

    # wav2vec 2.0 conv layers, run on each flattened patch
    conv_dim: int = 512
    conv_kernels: list[int] | tuple[int, ...] = (10, 3, 3, 3, 3, 2)
    conv_strides: list[int] | tuple[int, ...] = (5, 2, 2, 2, 2, 2)
    # "layer": after every conv (wav2vec 2.0 large) | "group": after the first (base)
    conv_norm: str = "layer"
    conv_pooling: str = "mean"  # if a patch leaves several conv frames: "mean" | "concat" them

    # head
    head: str = "none"  # "none" | "pretraining" | "classification"
    num_logits: int = 0
    head_dropout_prob: float = 0.1
