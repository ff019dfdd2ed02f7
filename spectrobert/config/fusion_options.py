"""Options of single fusions of composite models."""

from dataclasses import dataclass


@dataclass(repr=False, eq=False)
class MultOptions:
    """Options of model.fusion=mult. The defaults are the published ones (Tsai et al. 2019)."""

    mult_width: int = 30  # of each modality behind its projection
    mult_heads: int = 5
    # A time of one modality sees the other's up to its own, and as many more as their lengths
    # differ by
    mult_future_mask: bool = True
    mult_embedding_dropout: float = 0.25  # of inputs with their positions
    mult_attention_dropout: float = 0.1
    mult_audio_attention_dropout: float = 0.0  # of text that looks at audio
    mult_relu_dropout: float = 0.1  # inside the feed-forward layers
    mult_residual_dropout: float = 0.1  # of what a layer adds
    mult_output_dropout: float = 0.0  # inside the block before the head
