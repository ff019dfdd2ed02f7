"""Options of augmentation: what happens to training clips, drawn from (seed, epoch, row)."""

import math
from dataclasses import dataclass, field

from ..errors import UserError
from .checks import at_least, probability

LONGEST_MASK = 10.0  # seconds


@dataclass
class AugmentConfig:
    """Augmentation of training; validation, test and cached activations see clips as they are.

    A number named for an effect is the probability that a clip meets it; lists are the lowest and
    the highest value, between which the strength is drawn.
    """

    name: str = "none"

    # A clip becomes a random stretch of itself, so many seconds long at most; 0: all of it
    crop_seconds: float = 0.0

    # Waveform, in this order
    pitch: float = 0.0
    pitch_semitones: list[float] = field(default_factory=lambda: [-2.0, 2.0])
    tempo: float = 0.0  # at the same pitch
    tempo_rate: list[float] = field(default_factory=lambda: [0.9, 1.1])
    speed: float = 0.0  # of a tape: tempo and pitch together; costs a tenth of the two above
    speed_rate: list[float] = field(default_factory=lambda: [0.9, 1.1])
    room: float = 0.0  # reverberation
    room_rt60: list[float] = field(
        default_factory=lambda: [0.15, 0.6]
    )  # seconds until a sound has faded by 60 dB
    room_folder: str = ""  # of impulse responses, in place of simulated rooms
    noise: float = 0.0
    noise_snr: list[float] = field(default_factory=lambda: [5.0, 30.0])  # dB
    noise_folder: str = ""  # of recordings, in place of noise between white and pink
    band: float = 0.0  # a band-pass filter
    band_hz: list[float] = field(default_factory=lambda: [300.0, 3500.0])  # centre
    telephone: float = 0.0  # 300 to 3400 Hz, 8-bit mu-law at 8 kHz
    mp3: float = 0.0
    mp3_kbps: list[float] = field(default_factory=lambda: [16.0, 64.0])
    mulaw: float = 0.0  # 8-bit mu-law at 16 kHz
    gain: float = 0.0
    gain_db: list[float] = field(default_factory=lambda: [-12.0, 6.0])
    shift: float = 0.0  # the clip begins anywhere in itself, its start follows its end

    # Spectrogram (of a waveform model: stretches of silence in place of time masks)
    time_masks: int = 0  # per clip
    time_mask_seconds: float = 0.4  # the longest; none covers more than a fifth of a clip
    mel_masks: int = 0
    mel_mask_share: float = 0.15  # the widest, of all mel bins
    # Random frequency response behind normalisation (FilterAugment, Nam et al. 2022): gains at
    # four mel bins, uniform up to so many units of the normalised spectrogram; lines between them
    mel_filter: float = 0.0

    # Batch: a clip and its target are mixed with those of another clip
    mixup: float = 0.0  # a and b of the Beta distribution of the share; 0: none
    mixup_share: float = 1.0  # of clips that are mixed

    def __post_init__(self) -> None:
        for name in EFFECTS:
            probability(f"augment.{name}", getattr(self, name))
        for name, (low, high) in LIMITS.items():
            _check_range(f"augment.{name}", getattr(self, name), low, high)
        for name in OWN:
            at_least(f"augment.{name}", getattr(self, name), 0)
        probability("augment.mel_mask_share", self.mel_mask_share)
        probability("augment.mixup_share", self.mixup_share)
        if not 0 < self.time_mask_seconds <= LONGEST_MASK:
            raise UserError(
                f"augment.time_mask_seconds={self.time_mask_seconds}: must be above 0 and"
                f" {LONGEST_MASK:g} at most"
            )

    @property
    def is_on(self) -> bool:
        """True if anything is drawn."""
        return any(getattr(self, name) for name in (*EFFECTS, *OWN))


# Effects on a waveform in their order; each is a probability
EFFECTS = (
    *(
        "pitch",
        "tempo",
        "speed",
        "room",
        "noise",
        "band",
        "telephone",
        "mp3",
        "mulaw",
        "gain",
        "shift",
    ),
)
# Lengths, counts and strengths; 0 turns each off
OWN = ("crop_seconds", "time_masks", "mel_masks", "mel_filter", "mixup")
# Range -> the lowest and highest value that it may hold
LIMITS = {
    "pitch_semitones": (-12.0, 12.0),
    "tempo_rate": (0.5, 2.0),
    "speed_rate": (0.5, 2.0),
    "room_rt60": (0.1, 3.0),
    "noise_snr": (-30.0, 100.0),
    "band_hz": (100.0, 7000.0),
    "mp3_kbps": (8.0, 320.0),
    "gain_db": (-60.0, 40.0),
}
# Options that say more of an effect, or of masks and mixup
DETAILS = {
    "pitch": ("pitch_semitones",),
    "tempo": ("tempo_rate",),
    "speed": ("speed_rate",),
    "room": ("room_rt60", "room_folder"),
    "noise": ("noise_snr", "noise_folder"),
    "band": ("band_hz",),
    "mp3": ("mp3_kbps",),
    "gain": ("gain_db",),
    "time_masks": ("time_mask_seconds",),
    "mel_masks": ("mel_mask_share",),
    "mixup": ("mixup_share",),
}


def _check_range(option: str, values: list[float], low: float, high: float) -> None:
    """Raise UserError unless a range is two numbers in order, within the limits."""
    is_pair = len(values) == 2 and all(map(math.isfinite, values)) and values[0] <= values[1]
    if not (is_pair and low <= values[0] and values[1] <= high):
        raise UserError(
            f"{option}={list(values)}: two numbers are needed, the lower one first, from {low:g} to"
            f" {high:g}"
        )
