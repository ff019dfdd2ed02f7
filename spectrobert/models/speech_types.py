"""The speech encoders by transformers' name of their type."""

from collections.abc import Callable

from transformers import PreTrainedConfig

from .logmel_encoder import LogMelEncoder
from .speech_encoder import (
    Data2VecEncoder,
    HubertEncoder,
    SpeechEncoder,
    WaveEncoder,
    WavLmEncoder,
)
from .speechlm import SpeechLmEncoder
from .whisper_encoder import WhisperEncoder

# model.speech.model_type -> class; XLS-R is a wav2vec2
SPEECH_TYPES: dict[str, Callable[[PreTrainedConfig, bool], SpeechEncoder]] = {
    "wav2vec2": WaveEncoder,
    "hubert": HubertEncoder,
    "wavlm": WavLmEncoder,
    "data2vec-audio": Data2VecEncoder,
    "whisper": WhisperEncoder,
    "speechlm": SpeechLmEncoder,
    "logmel": LogMelEncoder,
}
