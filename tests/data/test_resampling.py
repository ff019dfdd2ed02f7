"""Groups of rows that are resampled together."""

from spectrobert.audio.segment import Segment
from spectrobert.corpora.example import Example
from spectrobert.data import clips
from spectrobert.data.resampling import resampling_groups


def split(*examples: Example):
    return clips.to_arrow(examples, [1.0] * len(examples))


def row(row_id: str, path: str | bytes, **more: str) -> Example:
    return Example(row_id, (Segment(path),), **more)


def test_the_speaker_if_known_else_the_group_else_the_recording():
    groups, kinds = resampling_groups(
        split(
            row("1", "/a.wav", speaker="ann", group="scene"),
            row("2", "/b.wav", speaker="ann"),
            row("3", "/c.wav", group="ann"),  # a scene of that name is no speaker
            row("4", "/d.wav"),
        )
    )
    assert groups == ["speaker ann", "speaker ann", "group ann", "recording 4"]
    assert kinds == "speakers, groups, recordings"


def test_a_recording_cut_into_rows_is_one_group():
    """Whatever stretch, whatever is asked of it, by however many annotators."""
    pieces = [
        Example(f"{i}", (Segment("/long.wav", start=i, end=i + 1),), question=f"{i % 2}?")
        for i in range(3)
    ]
    groups, kinds = resampling_groups(split(*pieces, row("3", "/other.wav")))
    assert groups == ["recording 0"] * 3 + ["recording 3"]
    assert kinds == "recordings"


def test_equal_bytes_are_one_recording():
    groups, _ = resampling_groups(split(row("x", b"RIFF1"), row("y", b"RIFF2"), row("z", b"RIFF1")))
    assert groups == ["recording x", "recording y", "recording x"]


def test_rows_chosen_from_a_split_keep_their_groups():
    whole = split(*(row(str(i), f"/{i // 2}.wav", speaker="s" if i < 2 else "") for i in range(6)))
    groups, _ = resampling_groups(whole.select([5, 0, 4, 2]))
    assert groups == ["recording 5", "speaker s", "recording 5", "recording 2"]
