"""Names of what is heard in a row: relative to the corpus, with the stretch."""

import os

from spectrobert.audio.segment import Segment
from spectrobert.corpora.example import Example
from spectrobert.data.audio_names import audio_names, folders
from spectrobert.data.clips import to_arrow
from spectrobert.settings.schemas import dataset_class


def test_a_recording_its_stretch_and_a_scene():
    clips = [
        (Segment("/c/sub/a.wav"),),
        (Segment("/c/a.wav", 0.0, 2.5),),
        (Segment("/elsewhere/a.wav", 1.25),),
        (Segment("/c/a.wav", 0.0, 2.5), Segment("/c/b.wav", 0.0, 2.5, 2.5)),
        (Segment("/c/a.wav"), Segment("/c/b.wav", onset=9.0)),
        (Segment(b"RIFF"),),
    ]
    table = to_arrow([Example(str(i), clip) for i, clip in enumerate(clips)], [1.0] * len(clips))
    names = audio_names(table, ["/nowhere", "/c"])
    assert names == [
        ("sub/a.wav", "", ""),
        ("a.wav", "0", "2.5"),
        ("/elsewhere/a.wav", "1.25", ""),
        ("a.wav + b.wav", "0 + 0", "2.5 + 2.5"),
        ("a.wav + b.wav", "", ""),
        ("<4 bytes>", "", ""),
    ]
    assert audio_names(table.select([3, 0]), ["/nowhere", "/c"]) == [names[3], names[0]]


def test_folders_of_a_corpus_of_tables_and_of_prepared_copies():
    csv, ravdess = dataset_class("csv"), dataset_class("ravdess")
    assert folders(ravdess(), "/data") == ["/data/ravdess"]
    assert folders(ravdess(root="/r", prepared="/p"), "/data") == ["/p", "/r"]
    assert folders(csv(file="t/a.csv"), "/data") == [os.path.abspath("t")]
    assert folders(csv(file=["/a/a.csv", "/b/b.csv"]), "/data") == ["/a", "/b"]
