"""Video of arrays and files: frames, rates, the region of the mouth, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from spectrobert.audio import video
from spectrobert.audio.video import VideoError

FRAMES = np.arange(10, dtype=np.uint8)[:, None, None] * np.ones((88, 88), np.uint8)


def saved(path: Path, array: np.ndarray) -> str:
    np.save(path, array)
    return str(path)


def film(path: Path, rate: int, number: int, size: tuple[int, int] = (88, 88)) -> str:
    """Frame n has the grey value 20 n."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as file:
        stream = file.add_stream("rawvideo", rate=rate)
        stream.height, stream.width = size
        stream.pix_fmt = "gray"
        for value in range(number):
            frame = av.VideoFrame.from_ndarray(np.full(size, 20 * value, np.uint8), format="gray")
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return str(path)


def test_arrays_are_read_in_part(tmp_path):
    whole = saved(tmp_path / "a.npy", FRAMES)
    np.savez(tmp_path / "b.npz", mouth=FRAMES)
    share = saved(tmp_path / "c.npy", FRAMES / np.float32(255))
    for path in (whole, str(tmp_path / "b.npz"), share):
        assert video.frames_of(path) == 10
        assert np.array_equal(video.read(path, 3, 5), FRAMES[3:5])
        assert len(video.read(path, 8, 20)) == 2


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (np.zeros((3, 88, 88, 3), np.uint8), "3x88x88x3; grey frames"),
        (np.zeros((3, 80, 80), np.uint8), "3x80x80; grey frames (F, 88, 88) or (F, 96, 96)"),
        (np.zeros((3, 88, 88), np.int64), "frames of int64"),
        (np.zeros((0, 88, 88), np.uint8), "no frames"),
    ],
)
def test_other_arrays_are_refused_by_name(tmp_path, array, why):
    path = saved(tmp_path / "a.npy", array)
    with pytest.raises(VideoError) as error:
        video.frames_of(path)
    assert path in str(error.value)
    assert why in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_no_array_is_refused(tmp_path):
    loud = saved(tmp_path / "loud.npy", np.full((2, 88, 88), 1.5))
    with pytest.raises(VideoError, match="from 0 to 1"):
        video.read(loud, 0, 2)
    (tmp_path / "text.npy").write_text("no array")
    (tmp_path / "text.npz").write_text("no array")
    np.savez(tmp_path / "two.npz", FRAMES, FRAMES)
    for name, why in (("text.npy", "no array"), ("text.npz", "no array"), ("two.npz", "has 2")):
        with pytest.raises(VideoError, match=why):
            video.frames_of(str(tmp_path / name))
    with pytest.raises(VideoError, match=r"none\.npy: No such file"):
        video.frames_of(str(tmp_path / "none.npy"))


def test_the_frame_that_is_shown_at_each_25th():
    assert video.shown(np.arange(6) / 30).tolist() == [0, 1, 2, 3, 4]  # 0 40 80 120 160 ms
    assert video.shown(np.arange(4) / 12.5).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert video.shown(0.4 + np.arange(3) / 25).tolist() == [0, 1, 2]


def test_a_film_is_decoded_at_25_frames_per_second(tmp_path):
    path = film(tmp_path / "a.avi", 50, 12)
    assert video.frames_of(path) == 6
    assert video.read(path, 0, 99)[:, 0, 0].tolist() == [0, 40, 80, 120, 160, 200]
    assert video.read(path, 2, 4)[:, 40, 40].tolist() == [80, 120]
    wide = film(tmp_path / "b.avi", 25, 3, (72, 128))
    assert video.read(wide, 1, 2).shape == (1, 96, 96)
    assert video.read(wide, 1, 2).max() == 20


def test_a_file_without_video_is_refused(tmp_path):
    pytest.importorskip("av")
    (tmp_path / "a.mp4").write_bytes(b"no video" * 100)
    with pytest.raises(VideoError, match=r"a\.mp4: cannot be read as video"):
        video.frames_of(str(tmp_path / "a.mp4"))
    with pytest.raises(VideoError, match="No such file"):
        video.frames_of(str(tmp_path / "none.mp4"))


def test_the_mouth_is_below_the_middle_of_a_picture():
    picture = np.zeros((720, 1280), np.uint8)
    picture[468 - 10 : 468 + 10, 640 - 10 : 640 + 10] = 255  # 0.65 of the height, half of the width
    crop = video.mouth(picture)
    assert crop.shape == (96, 96)
    rows, columns = np.nonzero(crop > 128)
    assert rows.mean() == pytest.approx(47.5, abs=0.5)
    assert columns.mean() == pytest.approx(47.5, abs=0.5)
    assert np.ptp(rows) + 1 == pytest.approx(20 * 96 / 288, abs=1.5)
    assert video.mouth(crop) is crop
