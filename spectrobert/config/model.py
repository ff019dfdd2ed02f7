"""Sizes and options of the models: name, type and default, once.

Apart from their configurations, which import transformers: a command line is read without it.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .fusion_options import MultOptions

# What a task, a tokenizer or `freeze` decides, not the user's `model.` group.
DERIVED = (
    *("vocab_size", "head", "num_logits", "lora_rank", "lora_alpha", "lora_parts"),
    *("normalization", "mel_mean", "mel_std", "objectives", "decoder"),
)
NORMALIZATIONS = ("audioset", "corpus", "clip", "speaker")  # of spectrograms


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
    # Probability that a training clip skips the last layer of the stack; of the others less, in
    # proportion to their depth
    stochastic_depth: float = 0.0
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12

    # log-mel, with AudioSet's statistics as in AST, if dataset.normalize names no others
    num_mel_bins: int = 128
    audio_mean: float = -4.2677393
    audio_std: float = 4.5689974
    normalization: str = "audioset"
    mel_mean: list[float] | tuple[float, ...] = ()  # of "corpus", per bin
    mel_std: list[float] | tuple[float, ...] = ()  # of "corpus" and "clip"

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
    # What a classification head reads: "cls", the first token behind the stack | "mean" | "max" |
    # "statistics", mean and deviation, of the audio tokens behind it
    pooling: str = "cls"
    # Of the pooled vector: "none" | "layer" | "running" | "speaker", among the clips of its
    # speaker, those to be tested included, without labels: a batch holds several of them
    pooled_norm: str = "none"
    head: str = "none"  # "none" | "pretraining" | "classification" | "generation"
    num_logits: int = 0
    head_dropout_prob: float = 0.1
    # Of a pre-training head: objectives, each with the options of its layers; empty: mlm and sap
    objectives: dict[str, Any] = field(default_factory=dict)
    decoder: dict[str, Any] = field(default_factory=dict)  # of a generation head: DecoderConfig


@dataclass(repr=False, eq=False)
class CompositeOptions(MultOptions):
    """A speech encoder, a text encoder or both, a fusion, a pooling and a head.

    The defaults are those of a speech encoder alone; conf/model has one file per system.
    """

    architecture: str = "composite"

    # Speech encoder: model_type (wav2vec2, hubert, wavlm, data2vec-audio, whisper, speechlm,
    # logmel) and fields of transformers' configuration that differ from its defaults; empty: the
    # checkpoint's
    speech: dict[str, Any] = field(default_factory=dict)
    # Its checkpoint, a Hub name or a folder, unless init.speech_model names another; empty: random
    speech_model: str = ""
    normalize: bool = False  # waveforms to mean 0 and variance 1, as the checkpoint was trained
    speech_layers: int = 0  # lower layers that are kept; 0: all
    # "last": behind the final LayerNorm, if there is one | "3": output of layer 3 (0: input of the
    # first), which drops those above | "2-5": learned mean of the outputs of layers 2 to 5 |
    # "weighted": of all of them and the input
    speech_states: str = "last"
    # LayerNorm without parameters on what a weighted mean mixes: frames, or each of the statistics
    # of a pooling without weights
    norm_states: bool = False

    # Text encoder, by the same rules: model_type is bert, roberta, deberta-v2 or the like
    text: dict[str, Any] = field(default_factory=dict)
    text_model: str = ""
    text_layers: int = 0

    # "audio" | "text": one encoder alone | "concat": pooled audio and text next to each other
    # (shallow fusion) | "cross": audio attends to text (CMT) | "joint": SpectroBERT's stack, its
    # audio tokens the speech encoder's frames; `text` is then the stack | "mult": each attends to
    # the other (MulT) | "ctal": "cross" with CTAL's poolings | "coattention": first tokens attend
    # to the other modality | "cm_bert": text whose attention hears the frames of each word piece
    # (CM-BERT), by times of words
    fusion: str = "audio"
    fusion_layers: int = 4  # of "cross", "mult" and "ctal"
    # of "cross" and "ctal": learned mean of their layers in place of the last one
    layer_pooler: bool = False
    orthogonality: float = 0.0  # of "cross", "ctal": weight of |cos| between the two modalities
    frames_per_token: int = 1  # of "joint": frames that are averaged into one audio token
    # Of "joint": "frames" | "words": one audio token per word that is said, by times of words
    # (SpeechBERT)
    audio_tokens: str = "frames"

    # "first" | "mean" | "max" | "last" | "statistics": mean and deviation | "attentive": attentive
    # statistics | "gru": the last state of a GRU
    pooling: str = "mean"  # of audio
    text_pooling: str = "first"
    # Of the pooled vector: "none" | "layer" | "running" | "speaker", as of SpectroBERT
    pooled_norm: str = "none"
    embedding_size: int = 0  # width of a dense layer between pooling and head; 0: none
    embedding_act: str = "tanh"  # behind it: "tanh" | "gelu" | "none"

    # head
    head: str = "none"
    num_logits: int = 0
    head_dropout_prob: float = 0.1
    classifier: str = "linear"  # "linear" | "class_means": the nearest mean of a class' embeddings
    detach_head: bool = False  # the head trains alone: a linear probe of a trained embedding
    # Of a pre-training head: objectives, each with the options of its layers
    objectives: dict[str, Any] = field(default_factory=dict)
    decoder: dict[str, Any] = field(default_factory=dict)  # of a generation head: DecoderConfig

    vocab_size: int = 30522
    max_seconds: float = 30.0  # the longest clip that is read to its end
    initializer_range: float = 0.02  # of the layers that no checkpoint gives
    lora_rank: int = 0
    lora_alpha: float = 0.0
    lora_parts: list[str] | tuple[str, ...] = ()


@dataclass(repr=False, eq=False)
class SpeechT5Options:
    """SpeechT5: a speech and a text pre-net, one encoder and one decoder for both, a class head."""

    architecture: str = "speecht5"

    # Fields of transformers' SpeechT5Config that differ from its defaults
    speecht5: dict[str, Any] = field(default_factory=dict)
    # Checkpoint with a speech pre-net (speecht5_asr, speecht5_vc), a Hub name or a folder, unless
    # init.speech_model names another; empty: random
    speech_model: str = ""
    text_model: str = ""  # one with a text pre-net and the tokenizer (speecht5_tts), likewise
    shared: str = "speech"  # whose encoder and decoder are taken: "speech" | "text" checkpoint's
    modality: str = "audio"  # what is read: "audio" (speech to class) | "text" (text to class)
    # "decoder": its answer to one zero vector, as released | of the encoder's output "first" |
    # "mean" | "max" | "last" | "statistics" | "attentive"
    pooling: str = "decoder"

    # head
    head: str = "none"
    num_logits: int = 0
    head_dropout_prob: float = 0.0  # as released: a Linear alone

    vocab_size: int = 81
    max_seconds: float = 30.0  # the longest clip that is read to its end
    lora_rank: int = 0
    lora_alpha: float = 0.0
    lora_parts: list[str] | tuple[str, ...] = ()


@dataclass(repr=False, eq=False)
class AvHubertOptions:
    """AV-HuBERT, and VATLM if it has phones. The defaults are those of AV-HuBERT base."""

    architecture: str = "av_hubert"

    # Fields of transformers' HubertConfig that differ from its defaults, of the stack alone
    speech: dict[str, Any] = field(default_factory=dict)
    # Streams that are read, some of audio, video, phones; the others are zeros, as those that a
    # clip lacks. The length of a clip is always that of its audio
    streams: list[str] | tuple[str, ...] = ("audio", "video")
    num_phones: int = 0  # VATLM: numbers of phones, 46 there; 0: no such stream
    # ResNet: channels and blocks of each stage; the first convolution has those of the first stage
    video_channels: list[int] | tuple[int, ...] = (64, 128, 256, 512)
    video_blocks: list[int] | tuple[int, ...] = (2, 2, 2, 2)
    video_mean: float = 0.5  # of grey values from 0 to 1, as frames are normalised
    video_std: float = 0.25
    # Probability that a training clip with audio and video loses one of them, and that it is then
    # the audio
    modality_dropout: float = 0.5
    audio_dropout: float = 0.5
    # Probability that a training clip with phones loses all else, as text without audio (VATLM)
    phones_alone: float = 0.0
    # Of pre-training. "substitution": spans of audio and spans of video are each replaced by others
    # of the same clip | "embedding": a learned vector in place of both, as in the first iterations
    masking: str = "substitution"
    video_mask_share: float = 0.3  # of "substitution"; task.mask_share and mask_seconds: of audio
    video_mask_seconds: float = 0.2
    front_end_gradient: float = 0.1  # factor of the gradients of all that is below the fusion

    # As of a composite model with a speech encoder alone
    speech_states: str = "last"
    norm_states: bool = False
    pooling: str = "mean"
    pooled_norm: str = "none"
    embedding_size: int = 0
    embedding_act: str = "tanh"

    # head
    head: str = "none"
    num_logits: int = 0
    head_dropout_prob: float = 0.1
    classifier: str = "linear"
    detach_head: bool = False
    objectives: dict[str, Any] = field(default_factory=dict)
    decoder: dict[str, Any] = field(default_factory=dict)

    vocab_size: int = 30522
    max_seconds: float = 30.0  # the longest clip that is read to its end
    initializer_range: float = 0.02
    lora_rank: int = 0
    lora_alpha: float = 0.0
    lora_parts: list[str] | tuple[str, ...] = ()


class Architecture(NamedTuple):
    """A kind of model."""

    options: type  # of its `model.` group
    model: str  # module and class in spectrobert/models


# model.architecture -> what it is
ARCHITECTURES = {
    "spectrobert": Architecture(ModelOptions, "spectrobert.SpectroBert"),
    "late_fusion": Architecture(ModelOptions, "late_fusion.LateFusion"),
    "composite": Architecture(CompositeOptions, "composite.Composite"),
    "speecht5": Architecture(SpeechT5Options, "speecht5.SpeechT5"),
    "av_hubert": Architecture(AvHubertOptions, "av_hubert.AvHubert"),
}
# first entry of `defaults` in a file of conf/model -> options of that file
SCHEMAS: dict[str, type] = {
    "schema": ModelOptions,
    "composite": CompositeOptions,
    "schema_speecht5": SpeechT5Options,
    "schema_av_hubert": AvHubertOptions,
}
