"""Video and phones of rows: the stretch that is heard, augmentation, lengths, batches."""

import numpy as np
import pytest
import torch

from spectrobert.audio.segment import Segment
from spectrobert.corpora.example import Example
from spectrobert.data import stream_checks, streams
from spectrobert.data.batches import collate
from spectrobert.data.clips import to_arrow
from spectrobert.data.streams import StreamOptions
from spectrobert.errors import UserError

BOTH = StreamOptions(video=True, num_phones=46)


@pytest.fixture
def film(tmp_path):
    """Two seconds; frame n has the grey value n."""
    values = np.arange(50, dtype=np.uint8)[:, None, None] * np.ones((96, 96), np.uint8)
    np.save(tmp_path / "film.npy", values)
    return str(tmp_path / "film.npy")


def test_all_streams_are_cut_alike(film):
    row = {"video": film, "phones": " ".join(str(i // 10) for i in range(200))}
    found = streams.of_clip(row, Segment("a.wav", 0.4), (0.2, 1.0), BOTH, None)
    assert found["video"].shape == (20, 88, 88)
    assert found["video"][:, 0, 0].tolist() == list(range(15, 35))
    assert found["phones"].tolist() == [i // 10 for i in range(60, 140)]
    assert streams.of_clip(row, Segment("a.wav"), (0, 1), StreamOptions(False, 0), None) == {}
    assert streams.of_clip({"video": ""}, Segment("a.wav"), (0, 1), BOTH, None) == {}


def test_frames_are_cut_in_the_middle_or_anywhere_and_half_the_clips_mirrored():
    place = np.arange(96)[:, None] + 100 * (np.arange(96)[None] >= 48)
    frames = place.astype(np.uint8)[None]
    middle = streams.crop(frames, None)
    assert (middle[0, 0, 0], middle[0, 87, 0]) == (4, 91)
    tops, mirrored = [], []
    for seed in range(200):
        cut = streams.crop(frames, np.random.default_rng(seed))[0]
        mirrored.append(cut[0, 0] > cut[0, -1])
        tops.append(min(cut[0, 0], cut[0, -1]))
    assert set(tops) == set(range(9))
    assert 70 < sum(mirrored) < 130


@pytest.mark.parametrize("cell", ["1 x", "46", "-1", "none.npy", "1.5"])
def test_strange_phones_are_refused(cell):
    with pytest.raises(UserError, match="phones"):
        streams.phones(cell, 46)


def rows(film, seconds, start=0.0, end=None):
    return to_arrow([Example("r", (Segment("a.wav", start, end),), video=film)], [seconds])


def test_a_stream_of_another_length_is_refused(film):
    for fine in (rows(film, 2.19), rows(film, 1.81), rows(film, 0.5, 0.5, 1.0)):
        stream_checks.require({"train": fine}, BOTH, ())
    for wrong in (rows(film, 2.21), rows(film, 1.79), rows(film, 1.0, 1.5, 2.5)):
        with pytest.raises(
            UserError, match=r"film\.npy: 2\.00 s, and its audio ends after"
        ) as error:
            stream_checks.require({"train": wrong}, BOTH, ())
        assert "\n" not in str(error.value)
    stream_checks.require({"train": rows(film, 9.0)}, StreamOptions(False, 46), ())  # not read
    with pytest.raises(UserError, match=r"augment\.speed"):
        stream_checks.require({"train": rows(film, 2.0)}, BOTH, ["speed"])


def test_clips_without_a_stream_have_none_of_it_in_a_batch():
    plain = {"index": 0, "waveform": np.zeros(9, np.float32), "input_ids": np.array([1])}
    plain |= {"label": 0}
    seen = plain | {"video": np.ones((3, 88, 88), np.uint8)}
    batch = collate([seen, plain])
    assert batch["video"].shape == (2, 3, 88, 88)
    assert batch["video"].dtype == torch.uint8
    assert batch["num_frames"].tolist() == [3, 0]
    assert not batch["video"][1].any()
    assert "video" not in collate([plain, plain])
