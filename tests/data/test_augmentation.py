"""Augmentation of clips: drawn from (seed, epoch, row), each effect does what its name says."""

import random

import numpy as np
import pytest
import soundfile as sf

from spectrobert.audio.io import SAMPLE_RATE
from spectrobert.config import AugmentConfig
from spectrobert.config.augment import EFFECTS
from spectrobert.data.augmentation import Augmentation, mu_law
from spectrobert.errors import UserError

SECONDS = 0.5


def tone(hertz: float = 1000.0, seconds: float = SECONDS) -> np.ndarray:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def augmented(wave: np.ndarray, *seeds: int, **options) -> np.ndarray:
    return Augmentation(AugmentConfig(**options))(wave, np.random.default_rng(seeds or [0]))


def peak_hertz(wave: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    return float(spectrum.argmax() * SAMPLE_RATE / len(wave))


@pytest.mark.parametrize("effect", EFFECTS)
def test_an_effect_changes_a_clip_and_is_drawn_by_the_generator_alone(effect):
    wave = tone() + 0.01 * np.random.default_rng(3).standard_normal(len(tone())).astype(np.float32)
    random.seed(1)
    np.random.seed(1)
    first = augmented(wave, 5, **{effect: 1.0})
    after = random.random(), np.random.random()
    random.seed(2)
    np.random.seed(2)
    np.testing.assert_array_equal(augmented(wave, 5, **{effect: 1.0}), first)
    assert first.dtype == np.float32
    assert np.abs(first).max() <= 1.0
    assert len(first) != len(wave) or np.abs(first - wave).max() > 1e-4
    random.seed(1)
    np.random.seed(1)
    assert (random.random(), np.random.random()) == after  # the global ones are left as they were


def test_probabilities_are_those_of_the_options():
    wave = tone(seconds=0.2)
    augmentation = Augmentation(AugmentConfig(gain=0.25, gain_db=[6.0, 6.0]))
    louder = sum(
        float(np.abs(augmentation(wave, np.random.default_rng([0, row]))).max()) > 0.4
        for row in range(400)
    )
    assert 70 <= louder <= 130


def test_gain_pitch_speed_and_crop_by_hand():
    wave = tone()
    louder = augmented(wave, gain=1.0, gain_db=[6.0, 6.0])
    np.testing.assert_allclose(louder, wave * 10 ** (6 / 20), rtol=1e-5)
    assert np.abs(augmented(wave, gain=1.0, gain_db=[40.0, 40.0])).max() == pytest.approx(1.0)
    octave = augmented(tone(440.0), pitch=1.0, pitch_semitones=[12.0, 12.0])
    assert peak_hertz(octave) == pytest.approx(880.0, rel=0.02)
    slow = augmented(wave, tempo=1.0, tempo_rate=[0.5, 0.5])
    assert len(slow) == pytest.approx(2 * len(wave), rel=0.02)
    assert peak_hertz(slow) == pytest.approx(1000.0, rel=0.02)
    tape = augmented(wave, speed=1.0, speed_rate=[0.5, 0.5])
    assert len(tape) == pytest.approx(2 * len(wave), rel=0.02)
    assert peak_hertz(tape) == pytest.approx(500.0, rel=0.02)
    stretch = augmented(wave, 4, crop_seconds=0.2)
    assert len(stretch) == 0.2 * SAMPLE_RATE
    assert any(np.array_equal(stretch, wave[i : i + 3200]) for i in range(len(wave) - 3200 + 1))
    rolled = augmented(wave, shift=1.0)
    np.testing.assert_array_equal(np.sort(rolled), np.sort(wave))


def test_noise_has_the_asked_ratio():
    wave = tone()
    noise = augmented(wave, noise=1.0, noise_snr=[10.0, 10.0]) - wave
    ratio = 10 * np.log10(np.square(wave).mean() / np.square(noise).mean())
    assert ratio == pytest.approx(10.0, abs=1.0)


def test_a_telephone_takes_away_high_and_low():
    for hertz, is_kept in ((100.0, False), (1000.0, True), (6000.0, False)):
        heard = augmented(tone(hertz), telephone=1.0)
        assert (np.square(heard).mean() > 0.25 * np.square(tone(hertz)).mean()) == is_kept


def test_mu_law_by_hand():
    """G.711: 0 and the ends stay; 0.01 is log1p(2.55) / log(256) = 0.22857 * 127 = 29.03."""
    levels = mu_law(np.array([0.0, 1.0, -1.0, 0.01, 2.0], dtype=np.float32))
    np.testing.assert_allclose(levels[[0, 1, 2, 4]], [0.0, 1.0, -1.0, 1.0], atol=1e-7)
    assert levels[3] == pytest.approx((256 ** (29 / 127) - 1) / 255, rel=1e-5)


def test_recordings_of_a_folder_are_noise_and_rooms(tmp_path):
    sf.write(tmp_path / "hum.wav", tone(200.0, 1.0), SAMPLE_RATE)
    impulse = np.zeros(1000, dtype=np.float32)
    impulse[[0, 500]] = 1.0
    (tmp_path / "rooms").mkdir()
    sf.write(tmp_path / "rooms" / "echo.wav", impulse, SAMPLE_RATE)
    wave = tone(3000.0)
    hum = augmented(wave, noise=1.0, noise_folder=str(tmp_path), noise_snr=[0.0, 0.0])
    spectrum = np.abs(np.fft.rfft(hum))
    assert spectrum[round(200 * SECONDS)] > 0.3 * spectrum[round(3000 * SECONDS)]
    echo = augmented(tone(seconds=0.2), room=1.0, room_folder=str(tmp_path / "rooms"))
    assert len(echo) == 0.2 * SAMPLE_RATE


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": 1.5}, "augment.noise=1.5: must be from 0 to 1"),
        ({"noise_snr": [20.0, 5.0]}, "augment.noise_snr=[20.0, 5.0]: two numbers"),
        ({"speed_rate": [0.0, 1.0]}, "from 0.5 to 2"),
        ({"mixup": -1.0}, "augment.mixup=-1.0: must be 0 or more"),
        ({"mel_filter": -0.5}, "augment.mel_filter=-0.5: must be 0 or more"),
        ({"time_mask_seconds": 0.0}, "augment.time_mask_seconds=0.0: must be above 0"),
        ({"noise": 0.5, "noise_folder": "/nowhere"}, "augment.noise_folder=/nowhere: no such"),
    ],
)
def test_wrong_options_are_one_line(options, message):
    with pytest.raises(UserError) as caught:
        Augmentation(AugmentConfig(**options))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_folder_of_noises_is_refused(tmp_path):
    with pytest.raises(UserError, match="no recordings in it"):
        Augmentation(AugmentConfig(noise=0.5, noise_folder=str(tmp_path)))


def test_masks_and_weights_stay_within_their_widths():
    options = AugmentConfig(
        time_masks=2, time_mask_seconds=0.5, mel_masks=1, mel_mask_share=0.25, mixup=0.4
    )
    augmentation = Augmentation(options)
    drawn = [augmentation.draw(2.0, np.random.default_rng([0, row])) for row in range(300)]
    masks = np.stack([one["masks"] for one in drawn])  # (300, 3, 4)
    widths = masks[..., 1::2] - masks[..., ::2]
    assert masks.shape[1:] == (3, 4)
    assert masks.min() >= 0
    assert masks[:, :2, 1].max() <= 2.0
    assert 0.3 < widths[:, :2, 0].max() <= 0.4 + 1e-6  # a fifth of two seconds
    assert 0.2 < widths[:, 2, 1].max() <= 0.25 + 1e-6
    np.testing.assert_array_equal(masks[:, :2, 2:], np.broadcast_to([0, 1], (300, 2, 2)))
    weights = np.array([one["mix_weight"] for one in drawn])
    assert weights.min() >= 0.5
    assert 0.6 < weights.mean() < 0.95
    rarely = Augmentation(AugmentConfig(mixup=0.4, mixup_share=0.2))
    mixed = [rarely.mix_weight(np.random.default_rng([1, row])) < 1.0 for row in range(500)]
    assert 60 <= sum(mixed) <= 140


def test_clips_cropped_to_one_length_are_not_sorted_by_it():
    """Batches of clips of like length would hold like classes, if length says something of them."""
    seconds = np.array([2.0, 5.0, 4.0])
    assert Augmentation(AugmentConfig(crop_seconds=3.0)).heard(seconds).tolist() == [2.0, 3.0, 3.0]
    assert Augmentation(AugmentConfig(gain=0.5)).heard(seconds).tolist() == [2.0, 5.0, 4.0]


def test_gains_of_a_filter_stay_within_its_width():
    augmentation = Augmentation(AugmentConfig(mel_filter=0.5))
    drawn = [augmentation.draw(2.0, np.random.default_rng([0, row])) for row in range(200)]
    gains = np.stack([one["mel_gains"] for one in drawn])
    assert gains.shape == (200, 4)
    assert 0.45 < gains.max() <= 0.5
    assert -0.5 <= gains.min() < -0.45
    assert AugmentConfig(mel_filter=0.5).is_on
