"""Reading audio: what comes out is what was written, and each way a file can be bad has a name."""

import io as streams
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from spectrobert.audio import io
from spectrobert.audio.segment import Segment

RATE = 16_000
FILES = (".flac", ".wav")
FORMATS = {"WAV": "PCM_16", "FLAC": "PCM_16", "OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}


def tone(seconds: float, frequency=440.0, rate=RATE, level=0.4) -> np.ndarray:
    times = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * frequency * times)).astype(np.float32)


def noise(seconds: float, level: float = 0.1, seed: int = 0) -> np.ndarray:
    """Unlike a tone, noise is equal to itself at one shift only, and does not compress away."""
    size = round(seconds * RATE)
    return (level * np.random.default_rng(seed).standard_normal(size)).astype(np.float32)


def encode(samples: np.ndarray, container="WAV", rate=RATE, subtype="") -> bytes:
    stream = streams.BytesIO()
    sf.write(stream, samples, rate, format=container, subtype=subtype or FORMATS[container])
    return stream.getvalue()


def check(*stretch, **options) -> str:
    return io.look(*stretch, **options)[0]


def fault(audio: str | bytes, start: float = 0.0, end: float | None = None) -> str:
    """The fault that `read` raises, once it is seen that `look` finds the same, in one line."""
    with pytest.raises(io.AudioError) as caught:
        io.read(audio, start, end)
    error = caught.value
    assert check(audio, start, end, decode=True) == f"{error.fault}: {error.detail}"
    assert str(error) == f"{io.name(audio)}: {error.fault}: {error.detail}"
    assert "\n" not in str(error)
    return error.fault


@pytest.mark.parametrize("container", FORMATS)
@pytest.mark.parametrize("as_bytes", [False, True])
def test_what_was_written_is_read(tmp_path: Path, container: str, as_bytes: bool) -> None:
    written = noise(2.0)
    encoded = encode(written, container)
    path = tmp_path / "ünï cödé"  # the content tells the format, not the name
    path.write_bytes(encoded)
    read = io.read(encoded if as_bytes else str(path))
    assert read.dtype == np.float32
    assert read.shape == (2 * RATE,)
    is_lossless = container in ("WAV", "FLAC")
    if is_lossless:
        np.testing.assert_allclose(read, written, atol=1 / 32768)
    assert np.corrcoef(read, written)[0, 1] > 0.8  # MP3 drops most of what noise is made of
    assert io.header(str(path)).seconds == pytest.approx(2.0)
    assert check(str(path)) == ""


@pytest.mark.parametrize("container", FORMATS)
def test_a_stretch_is_the_same_samples_as_in_the_whole(container: str) -> None:
    encoded = encode(noise(3.0), container)
    whole = io.read(encoded)
    np.testing.assert_allclose(io.read(encoded, 0.75, 1.25), whole[12_000:20_000], atol=1e-5)
    np.testing.assert_allclose(io.read(encoded, 1.5), whole[24_000:], atol=1e-5)
    assert len(io.read(encoded, 2.5, 9.0)) == RATE // 2  # an end past the recording is its end


def test_channels_are_averaged_and_48_khz_becomes_16() -> None:
    left, right = tone(1.0, 440, 48_000), tone(1.0, 1000, 48_000)
    read = io.read(encode(np.stack([left, right], axis=1), "FLAC", 48_000))
    expected = (tone(1.0, 440) + tone(1.0, 1000)) / 2
    assert read.shape == (RATE,)
    np.testing.assert_allclose(read[200:-200], expected[200:-200], atol=2e-3)


def test_resampling_removes_what_16_khz_cannot_hold() -> None:
    read = io.read(encode(tone(1.0, 10_000, 48_000), rate=48_000), allow_silent=True)
    assert np.abs(read[200:-200]).max() < 1e-3  # else it would sound as 6 kHz


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100])
def test_any_rate_gives_the_same_seconds(rate: int) -> None:
    read = io.read(encode(tone(1.0, 440, rate), rate=rate))
    assert len(read) == RATE
    np.testing.assert_allclose(read[300:-300], tone(1.0, 440)[300:-300], atol=5e-3)


class TestFaults:
    def test_no_recording(self, tmp_path: Path) -> None:
        assert fault(str(tmp_path / "no.wav")) == "missing"
        assert fault(str(tmp_path)) == "missing"  # a folder
        for content, expected in ((b"", "empty"), (b"no recording at all" * 100, "not audio")):
            assert fault(content) == expected
            for name in ("text.wav", "samples.raw"):
                (tmp_path / name).write_bytes(content)
                assert fault(str(tmp_path / name)) == expected

    @pytest.mark.parametrize("share", [0.97, 0.9, 0.5])
    @pytest.mark.parametrize(
        ("container", "subtype"),
        [*FORMATS.items(), ("WAV", "FLOAT"), ("AIFF", "PCM_16"), ("OGG", "OPUS")],
    )
    def test_truncated(self, container: str, subtype: str, share: float) -> None:
        encoded = encode(noise(6.0), container, subtype=subtype)
        assert check(encoded) == ""
        assert fault(encoded[: int(len(encoded) * share)]) == "truncated"

    @pytest.mark.parametrize("container", ["WAV", "OGG"])
    def test_truncation_seen_in_the_header_alone(self, container: str, tmp_path: Path) -> None:
        encoded = encode(noise(6.0), container)
        path = tmp_path / "cut"
        path.write_bytes(encoded[: len(encoded) // 2])
        assert check(str(path), decode=False).startswith("truncated")

    def test_a_cut_flac_serves_the_stretch_before_the_cut(self) -> None:
        encoded = encode(noise(6.0), "FLAC")
        cut = encoded[: len(encoded) // 2]
        np.testing.assert_array_equal(io.read(cut, 1.0, 2.0), io.read(encoded, 1.0, 2.0))
        assert fault(cut, 2.5, 3.5) == "truncated"
        assert fault(cut, 5.0, 6.0) == "truncated"

    def test_a_flac_broken_in_the_middle(self) -> None:
        encoded = bytearray(encode(noise(6.0), "FLAC"))
        middle = len(encoded) // 2
        encoded[middle : middle + 200] = bytes(200)
        assert fault(bytes(encoded)) == "truncated"

    def test_an_mp3_that_lacks_a_few_frames_is_whole(self) -> None:
        encoded = encode(noise(6.0), "MP3")
        assert check(encoded[:-300]) == ""
        assert 0 < 6 * RATE - len(io.read(encoded[:-300])) < io.TOLERANCE_SECONDS * RATE

    def test_a_stretch_of_which_an_mp3_has_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        cut = encode(noise(6.03), "MP3")[:-300]
        present = len(io.read(cut)) / RATE
        assert present < 6.0
        assert fault(cut, present + 0.002, present + 0.03) == "truncated"
        monkeypatch.setattr(io, "BLOCK_SECONDS", present)  # of the second block there is nothing
        assert check(cut) == ""

    @pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
    def test_a_wav_from_a_pipe_is_whole(self, length: int) -> None:
        encoded = bytearray(encode(noise(1.0)))
        at = encoded.index(b"data") + 4
        encoded[at : at + 4] = struct.pack("<I", length)
        assert check(bytes(encoded)) == ""
        assert len(io.read(bytes(encoded))) == RATE

    def test_a_flac_from_a_pipe_has_no_length(self) -> None:
        encoded = bytearray(encode(noise(1.0), "FLAC"))
        encoded[21] &= 0xF0  # the 36 bits of STREAMINFO that count the samples
        encoded[22:26] = bytes(4)
        assert fault(bytes(encoded)) == "no length"

    def test_non_finite(self) -> None:
        for bad in (np.nan, np.inf):
            samples = noise(1.0)
            samples[500] = bad
            assert fault(encode(samples, subtype="FLOAT")) == "non-finite"

    def test_too_short(self) -> None:
        assert fault(encode(noise(0.024))) == "too short"
        assert fault(encode(np.zeros(0, np.float32))) == "too short"
        assert fault(encode(noise(1.0)), 0.99) == "too short"
        assert fault(encode(noise(1.0)), 5.0, 6.0) == "too short"
        assert check(encode(noise(0.025))) == ""

    def test_silent(self) -> None:
        silence = encode(np.zeros(RATE, np.float32))
        assert fault(silence) == "silent"
        assert fault(encode(tone(1.0, level=0.5e-4), subtype="FLOAT")) == "silent"
        assert check(encode(tone(1.0, level=2e-4), subtype="FLOAT")) == ""
        assert fault(encode(np.full(RATE, 0.3, np.float32))) == "silent"  # an offset, no sound
        assert not io.read(silence, allow_silent=True).any()
        assert check(silence, decode=False) == ""
        half = encode(np.concatenate([np.zeros(RATE, np.float32), noise(1.0)]))
        assert check(half) == ""
        assert fault(half, 0.0, 1.0) == "silent"

    def test_silence_is_judged_over_all_blocks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(io, "BLOCK_SECONDS", 1)
        quiet = np.zeros(RATE, np.float32)
        assert check(encode(np.concatenate([quiet, noise(1.0), quiet]))) == ""
        assert check(encode(np.concatenate([quiet, quiet, quiet]))).startswith("silent")

    def test_the_error_survives_pickling(self) -> None:
        with pytest.raises(io.AudioError) as caught:
            io.read(b"")
        again = pickle.loads(pickle.dumps(caught.value))
        assert (str(again), again.fault) == (str(caught.value), "empty")
        assert str(again) == "<bytes of 0>: empty: 0 bytes"


class TestClip:
    def test_segments_are_summed_at_their_onsets(self) -> None:
        one, two = encode(noise(1.0)), encode(noise(2.0, seed=1))
        scene = [Segment(one), Segment(two, 0.5, 1.5, onset=0.75)]
        expected = np.zeros(28_000, np.float32)
        expected[:RATE] += io.read(one)
        expected[12_000:] += io.read(two, 0.5, 1.5)
        assert io.duration(scene) == pytest.approx(1.75)
        np.testing.assert_allclose(io.read_clip(scene), expected, atol=1e-6)

    def test_scaled_down_only_where_the_sum_is_too_loud(self) -> None:
        loud = encode(tone(1.0, level=0.8))
        clip = io.read_clip([Segment(loud), Segment(loud)])
        assert np.abs(clip).max() == pytest.approx(1.0)
        np.testing.assert_allclose(clip, tone(1.0, level=1.0), atol=1e-3)

    def test_crops(self) -> None:
        encoded = encode(noise(4.0))
        whole = io.read(encoded)
        clip = [Segment(encoded)]
        np.testing.assert_array_equal(io.read_clip(clip, 1.0), whole[:RATE])
        np.testing.assert_array_equal(io.read_clip(clip, 1.0, "center"), whole[24_000:40_000])
        np.testing.assert_array_equal(io.read_clip(clip, 1.0, "whole"), whole)
        np.testing.assert_array_equal(io.read_clip(clip, 4.0, "center"), whole)
        np.testing.assert_array_equal(io.read_clip(clip), whole)

    def test_a_random_crop_is_the_generators_choice(self) -> None:
        whole = noise(4.0)
        clip = [Segment(encode(whole))]
        starts = set()
        for seed in range(8):
            one, two = (
                io.read_clip(clip, 1.0, "random", np.random.default_rng(seed)) for _ in range(2)
            )
            np.testing.assert_array_equal(one, two)
            start = int(np.correlate(whole, one, "valid").argmax())
            np.testing.assert_allclose(one, whole[start : start + RATE], atol=1e-4)
            starts.add(start)
        assert len(starts) == 8
        assert max(starts) - min(starts) > RATE

    @pytest.mark.parametrize("seconds", [10.24, 1.0, 0.3333])
    @pytest.mark.parametrize("rate", [44_100, 16_000])
    def test_a_crop_has_the_length_asked_for(self, seconds: float, rate: int) -> None:
        encoded = encode(np.tile(noise(1.0), 33), rate=rate)
        for crop in ("first", "center", "random"):
            clip = io.read_clip([Segment(encoded)], seconds, crop, np.random.default_rng(0))
            assert len(clip) == round(seconds * RATE)

    def test_a_crop_that_cuts_through_a_scene(self) -> None:
        one, two = encode(noise(2.0)), encode(noise(2.0, seed=1))
        scene = [Segment(one), Segment(two, onset=2.0)]
        clip = io.read_clip(scene, 2.0, "center")
        np.testing.assert_allclose(clip[:RATE], io.read(one)[RATE:], atol=1e-6)
        np.testing.assert_allclose(clip[RATE:], io.read(two)[:RATE], atol=1e-6)
        only_one = io.read_clip(scene, 1.5, "first")
        np.testing.assert_allclose(only_one, io.read(one)[:24_000], atol=1e-6)

    def test_only_the_crop_is_decoded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        frames = 0
        read = sf.SoundFile.read

        def counted(file: sf.SoundFile, count: int, **options: object) -> np.ndarray:
            nonlocal frames
            frames += count
            return read(file, count, **options)

        monkeypatch.setattr(sf.SoundFile, "read", counted)
        encoded = encode(noise(60.0), "FLAC")
        io.read_clip([Segment(encoded)], 1.0, "random", np.random.default_rng(0))
        assert frames == RATE

    def test_a_crop_may_be_silent_a_segment_may_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(io, "BLOCK_SECONDS", 1)
        half = np.concatenate([np.zeros(2 * RATE, np.float32), noise(2.0)])
        assert not io.read_clip([Segment(encode(half))], 1.0).any()
        for silence in (half[: 2 * RATE], np.full(2 * RATE, 0.3, np.float32)):
            for seconds in (4.0, 1.0):
                with pytest.raises(io.AudioError, match="silent"):
                    io.read_clip([Segment(encode(silence))], seconds)
        with pytest.raises(io.AudioError, match="silent"):
            io.read_clip([Segment(encode(half), 0.0, 1.5)], 1.0)

    def test_a_start_past_the_recording(self) -> None:
        with pytest.raises(io.AudioError, match="too short"):
            io.read_clip([Segment(encode(noise(1.0)), start=3.0)], 1.0)


class TestReal:
    def test_ravdess_at_48_khz_is_the_16_khz_copy(self, real_data: Path) -> None:
        originals = sorted((real_data / "ravdess_original_48k").rglob("*.wav"))
        assert len(originals) == 6
        assert sum(sf.info(path).channels == 2 for path in originals) == 1
        for path in originals:
            copy = real_data / "ravdess" / path.parent.name / f"{path.stem}.flac"
            original, resampled = io.read(str(path)), io.read(str(copy))
            size = min(len(original), len(resampled))
            assert abs(len(original) - len(resampled)) <= 1
            assert np.corrcoef(original[:size], resampled[:size])[0, 1] > 0.999, path.name

    def test_a_sample_of_the_corpora_is_usable(self, real_data: Path) -> None:
        for corpus in ("ravdess", "esc10", "ljspeech_385", "clotho_aqa", "asterisk_en"):
            files = sorted(p for p in (real_data / corpus).rglob("*") if p.suffix in FILES)
            for path in files[:: max(1, len(files) // 20)]:
                assert check(str(path)) == "", path
                content = path.read_bytes()
                cut = check(content[: len(content) // 2])
                assert cut.startswith(("truncated", "not audio")), path  # the latter: in the header
