"""data stats: the numbers are those of all frames at once, and the pictures can be looked at."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soundfile as sf
from PIL import Image

from spectrobert.audio import features, io
from spectrobert.audio.segment import Segment
from spectrobert.corpus_tools import log_mel, plots, stats
from spectrobert.corpus_tools.log_mel import Moments, moments
from spectrobert.corpus_tools.recordings import Sound
from spectrobert.corpus_tools.stats import Statistics, summary
from spectrobert.files import write_table
from spectrobert.settings import composition
from spectrobert.settings.schemas import dataset_class

from ..helpers.sounds import noise

BINS = 128
COLUMNS = ("audio", "label", "text", "split", "speaker", "question", "answer")
SPLITS = ["train"] * 4 + ["val"] * 2 + ["test"] * 2
SECONDS = (0.3, 0.5, 0.71, 1.0, 0.3, 0.4, 0.25, 2.0)


def rows(folder: Path) -> list[tuple[str, ...]]:
    """Eight clips of several lengths and rates, each with two rows that ask about it."""
    found = []
    for i, (split, seconds) in enumerate(zip(SPLITS, SECONDS)):
        rate = 16_000 if i else 8_000
        path = noise(folder / f"{i}.wav", i, seconds, rate, subtype="PCM_16")
        text = f"{'iI'[i % 2]}t's take {i}" + " again" * i
        for question, answer in (("is it loud?", "yes"), ("is it soft?", "no")):
            found.append((path, "ab"[i % 2], text, split, f"{split} {i % 2}", question, answer))
    return found


def table(folder: Path, lines: list[tuple[str, ...]]) -> str:
    write_table(folder / "mine.csv", COLUMNS, lines)
    return str(folder / "mine.csv")


def measure(file: str, task: str = "ser", max_clips: int | None = None, seed: int = 0, **options):
    dataset = dataset_class("csv")(file=file, **options)
    return stats.measure(task, dataset, "nowhere", BINS, max_clips, seed)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("corpus")
    return table(folder, rows(folder))


@pytest.fixture(scope="module")
def found(file: str) -> Statistics:
    return measure(file)


class TestMoments:
    def test_parts_joined_are_the_whole(self):
        values = np.random.default_rng(0).normal(-1e4, 3.0, 5000)
        whole = Moments()
        for part in np.split(values, [1, 7, 4000]):
            whole = whole.joined(moments(part))
        assert whole.count == 5000
        assert whole.mean == pytest.approx(values.mean(), rel=1e-14)
        assert whole.std == pytest.approx(values.std(), rel=1e-12)

    def test_by_hand(self):
        of = moments(np.array([1.0, 3.0], np.float32)).joined(moments(np.array([8.0])))
        assert (of.count, of.mean) == (3, 4.0)
        assert of.squares == pytest.approx(9 + 1 + 16)
        assert of.std == pytest.approx(math.sqrt(26 / 3))
        assert Moments().joined(Moments()) == Moments()
        assert Moments().std == 0.0
        assert Moments().joined(moments(np.array([2.0]))).mean == 2.0

    def test_float32_is_summed_in_float64(self):
        """In float32 the mean of these would be off in the third digit after the point."""
        values = np.full(3_000_000, 1000.1, np.float32)
        assert moments(values).mean == pytest.approx(float(values[0]), abs=1e-9)


class TestLogMel:
    def test_silence_is_the_floor_in_every_frame(self):
        mels = log_mel.spectrogram(np.zeros(16_000, np.float32), BINS)
        assert mels.shape == (98, BINS)
        of = moments(mels)
        assert of.mean == pytest.approx(math.log(features.FLOOR), abs=1e-5)
        assert of.std == pytest.approx(0.0, abs=1e-5)

    def test_it_is_not_normalised(self):
        """transformers' feature extractor, told not to normalise, gives the same."""
        from transformers import ASTFeatureExtractor

        wave = np.random.default_rng(0).uniform(-0.5, 0.5, 16_000).astype(np.float32)
        reference = ASTFeatureExtractor(do_normalize=False, max_length=98)
        expected = reference(wave, sampling_rate=16_000, return_tensors="np")["input_values"][0]
        # 1e-3 of what the model sees is nine times that before the division by 2 x 4.57
        np.testing.assert_allclose(log_mel.spectrogram(wave, BINS), expected, atol=5e-3)

    def test_a_steady_tone_is_one_frame_over_and_over(self, tmp_path):
        """At 1 kHz a hop is ten whole periods: the moments of a frame are those of the corpus."""
        lines = []
        for i, split in enumerate(["train", "val", "test"]):
            tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16_000 * (i + 1)) / 16_000)
            soundfile.write(tmp_path / f"{i}.wav", tone, 16_000, subtype="FLOAT")
            lines.append((str(tmp_path / f"{i}.wav"), "a", "", split, "", "", ""))
        of = measure(table(tmp_path, lines)).log_mel
        frame = log_mel.spectrogram(io.read(str(tmp_path / "0.wav")), BINS)[0].astype(float)
        for part in (*of.by_split.values(), of.total):
            # what float32 leaves of a bin without power is not the same in each frame
            assert part.mean == pytest.approx(frame.mean(), abs=0.05)
            assert part.std == pytest.approx(frame.std(), abs=0.05)

    def test_it_is_that_of_all_frames_at_once(self, found, file):
        by_split: dict[str, list[np.ndarray]] = {"train": [], "val": [], "test": []}
        for i, split in enumerate(SPLITS):
            wave = io.read(str(Path(file).parent / f"{i}.wav"))
            by_split[split].append(log_mel.spectrogram(wave, BINS).astype(np.float64))
        pairs = [(found.log_mel.by_split[split], mels) for split, mels in by_split.items()]
        pairs.append((found.log_mel.total, [*chain(*by_split.values())]))
        for of, mels in pairs:
            values = np.concatenate(mels)
            assert of.count == values.size
            assert of.mean == pytest.approx(values.mean(), rel=1e-12)
            assert of.std == pytest.approx(values.std(), rel=1e-12)
        assert found.log_mel.num_clips == 8

    def test_only_frames_that_training_hears(self, file):
        frames = [(round(16_000 * min(s, 0.5)) - 400) // 160 + 1 for s in SECONDS]
        of = measure(file, max_seconds=0.5).log_mel
        assert of.total.count == BINS * sum(frames)
        assert of.heard == "all 8 clips, first 0.5 s at most"
        whole = measure(file, max_seconds=0.5, crop="whole").log_mel
        assert whole.heard == "all 8 clips, whole"
        assert whole.total.count > of.total.count
        last = measure(file, max_seconds=0.5, crop="random").log_mel
        assert last.total.count == of.total.count
        assert last.total.mean != of.total.mean

    def test_a_sample_is_drawn_by_the_seed(self, file):
        samples = [measure(file, max_clips=3, seed=seed).log_mel for seed in (0, 0, 1, 2)]
        assert samples[0] == samples[1]
        assert len({sample.total.mean for sample in samples}) == 3
        assert samples[0].num_clips == 3
        assert samples[2].heard == "3 of 8 clips, drawn by seed 1, first 10.24 s at most"
        assert measure(file, max_clips=8).log_mel.heard.startswith("all 8 clips")


class TestNumbers:
    def test_a_clip_counts_once_a_row_each_time(self, found):
        numbers = summary(found)
        expected = {
            "rows": 16,
            "clips": 8,
            "rows_by_split": {"train": 8, "val": 4, "test": 4},
            "sample_rates": {8000: 1, 16000: 7},
            "channels": {1: 8},
            "speakers": 6,
            "clips_by_speaker": {"min": 1, "median": 1.0, "max": 2},
            "texts": 8,
            "words_by_text": {"min": 3, "median": 6.5, "max": 10},
            "vocabulary": 2 + 8 + 1,  # it's take ... again, and eight numbers
        }
        assert {name: numbers[name] for name in expected} == expected
        assert numbers["hours"] == pytest.approx(sum(SECONDS) / 3600)
        hours = {"train": 2.51 / 3600, "val": 0.7 / 3600, "test": 2.25 / 3600}
        assert numbers["hours_by_split"] == pytest.approx(hours)
        spread = numbers["seconds_percentiles"]
        assert (spread["0"], spread["50"], spread["100"]) == pytest.approx((0.25, 0.45, 2.0))
        assert numbers["labels_by_split"]["train"] == {"a": 4, "b": 4}
        assert found.speakers["train 0"] == {"train": 2}

    def test_a_scene_is_as_long_as_its_last_sound(self):
        scene = (Segment("a.wav", 0.0, 2.5, 0.0), Segment("b.wav", 0.0, 2.5, 2.5))
        sounds = {s._replace(onset=0.0): Sound(seconds=2.5) for s in scene}
        assert stats.clip_seconds(scene, sounds) == 5.0
        sounds[scene[0]] = Sound("missing: no such file")
        assert stats.clip_seconds(scene, sounds) == 0

    def test_questions_are_what_is_read(self, file):
        numbers = summary(measure(file, task="aqa_binary"))
        assert (numbers["texts"], numbers["vocabulary"]) == (2, 4)
        assert numbers["labels_by_split"]["test"] == {"no": 2, "yes": 2}

    def test_what_cannot_be_read_is_named_and_left_out(self, tmp_path):
        lines = rows(tmp_path)
        Path(lines[0][0]).unlink()
        samples = np.zeros(16_000, np.float32)  # a header alone does not show silence
        soundfile.write(lines[2][0], samples, 16_000)
        of = measure(table(tmp_path, lines))
        numbers = summary(of)
        missing, silent = numbers["unusable"]
        assert "0.wav: missing" in missing
        assert "1.wav: silent" in silent
        assert (numbers["clips"], of.log_mel.num_clips) == (7, 6)

    def test_nothing_can_be_read(self, tmp_path, call):
        file = table(tmp_path, rows(tmp_path))
        for path in tmp_path.glob("*.wav"):
            path.unlink()
        numbers = summary(measure(file))
        assert (numbers["clips"], numbers["hours"], len(numbers["unusable"])) == (0, 0, 8)
        assert numbers["log_mel"]["all"] is None
        code, out, _ = call(file, tmp_path / "out")
        assert code == 0
        assert "audio_mean" not in out
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["classes.png"]


@pytest.fixture
def call(data) -> Callable[..., tuple[int, str, str]]:
    return lambda file, out, *words: data(
        "stats", "csv", f"dataset.file={file}", *words, "--task", "ser", "--out", out
    )


class TestPlots:
    def test_small_pictures_of_everything(self, found, tmp_path):
        paths = plots.draw(found, "mine", 1.0, tmp_path, 0)
        assert [p.stem for p in paths] == ["durations", "classes", "speakers", "spectrograms"]
        for path in paths:
            with Image.open(path) as picture:
                assert picture.format == "PNG"
                assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 9
        assert sorted(tmp_path.iterdir()) == sorted(paths)

    def test_ten_seconds_of_noise_six_times_are_small_too(self, tmp_path):
        lines = [
            (noise(tmp_path / f"{i}.wav", i, 10.0), "a", f"{i}", split, "", "", "")
            for i, split in enumerate(["train"] * 4 + ["val", "test"])
        ]
        paths = plots.draw(measure(table(tmp_path, lines)), "noise", 10.24, tmp_path / "out", 0)
        assert [p.stem for p in paths] == ["durations", "classes", "spectrograms"]
        assert max(path.stat().st_size for path in paths) < 250_000

    def test_six_spectrograms_of_as_many_classes_as_there_are(self, found, monkeypatch):
        drawn = []
        monkeypatch.setattr(
            plots.io, "read_clip", lambda clip, _: drawn.append(clip) or np.ones(8000, np.float32)
        )
        plots._spectrograms(found, "mine", 0)
        labels = [found.clips[clip].example.label for clip in drawn]
        assert len(set(drawn)) == 6
        assert all(set(pair) == {"a", "b"} for pair in zip(labels[::2], labels[1::2]))

    def test_frequencies_lie_where_the_mel_filters_do(self):
        """A tone of 2 kHz is loudest in the bin at which the axis says 2000."""
        tone = np.sin(2 * np.pi * 2000 * np.arange(16_000) / 16_000).astype(np.float32)
        loudest = log_mel.spectrogram(tone, BINS)[50].argmax()
        assert plots._bin(2000, BINS) == pytest.approx(loudest + 1, abs=1)
        assert (plots._bin(20, BINS), plots._bin(8000, BINS)) == (0.0, float(BINS))

    def test_many_names_are_cut_to_the_largest(self):
        counts = {f"speaker {i:03}": Counter(train=i) for i in range(1, 100)}
        figure = plots._bars(counts, "many", "speakers", "clips")
        (axes,) = figure.axes
        assert len(axes.patches) == plots.MOST_BARS
        assert axes.get_yticklabels()[0].get_text() == "speaker 099"
        assert "the largest 40 of 99 speakers" in axes.get_title()


class TestVerb:
    def test_what_is_printed_is_what_train_py_takes(self, found, file, tmp_path, call):
        code, out, err = call(file, tmp_path)
        assert (code, err) == (0, "")
        words = re.findall(r"model\.audio_\w+=\S+", out)
        config = composition.compose(["task=ser", "dataset=demo", *words])
        train = found.log_mel.by_split["train"]
        assert config.model.audio_mean == pytest.approx(train.mean, abs=1e-4)
        assert config.model.audio_std == pytest.approx(train.std, abs=1e-4)
        assert {path.suffix for path in tmp_path.iterdir()} == {".png"}

    def test_a_clip_as_training_hears_it(self, file, tmp_path, call):
        code, out, _ = call(
            file, tmp_path, "augment.gain=0.5", "augment.time_masks=1", "augment.mixup=0.4"
        )
        assert code == 0
        assert "augmentation.png" in out
        names = sorted(path.stem for path in (tmp_path / "augmentation").iterdir())
        assert names == ["as_it_is", "epoch_1", "epoch_2", "epoch_3", "gain", "mixup"]
        plain, louder = (
            sf.read(tmp_path / "augmentation" / f"{name}.wav")[0] for name in ("as_it_is", "gain")
        )
        ratio = np.abs(louder).max() / np.abs(plain).max()  # -12 to 6 dB, and no clipping
        assert 0.2 < ratio < 2.0
        assert ratio != pytest.approx(1.0, abs=1e-3)

    def test_json(self, found, file, tmp_path, call):
        code, out, _ = call(file, tmp_path, "--json", "--max_clips", "8")
        printed = json.loads(out)
        assert code == 0
        assert printed["log_mel"]["all"]["mean"] == found.log_mel.total.mean
        assert printed["rows"] == 16
        assert all(Path(path).is_file() for path in printed["plots"])

    def test_a_file_in_the_place_of_the_folder(self, file, call):
        code, out, err = call(file, file)
        assert (code, out) == (2, "")
        assert "is a file" in err
        assert Path(file).read_text().startswith("audio,")


def test_real_speech(real_data):
    manifest = str(real_data / "ljspeech_385" / "manifest.tsv")
    dataset = dataset_class("csv")(file=manifest, audio="path", text="transcript")
    found = stats.measure("pre", dataset, "", BINS)
    assert found.log_mel.total.mean == pytest.approx(-6.8783, abs=1e-3)
    assert found.log_mel.total.std == pytest.approx(4.1380, abs=1e-3)
    assert summary(found)["hours"] == pytest.approx(0.69, abs=0.005)
