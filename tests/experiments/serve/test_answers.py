"""The functions behind the page: answers, refusals, and that no sound is left behind."""

import numpy as np
import pytest
import soundfile

from spectrobert.errors import UserError
from spectrobert.experiments.serve import markup
from spectrobert.experiments.serve.answers import Asking, ServedRuns
from spectrobert.experiments.serve.limits import Limits
from spectrobert.experiments.serve.recordings import Window
from spectrobert.experiments.serve.uploads import Uploads
from spectrobert.run.load import load

from ...helpers.served import ODD
from ...helpers.sounds import BAD_FILES, noise

ODD_NAME, ASKING = "demo_classification seed 0", "demo_aqa_binary seed 0"
TWIN = f"{ODD_NAME} 2"
TIGHT = Limits(megabytes=0.5, minutes=1)


@pytest.fixture(scope="module")
def served(runs):
    with Uploads() as uploads:
        yield ServedRuns([*runs, runs[0]], uploads, TIGHT)
    assert not uploads.sounds.parent.exists()


@pytest.fixture
def sent(served):
    """`sent(name, ...)` is an upload of noise; nothing of it is there after the test."""

    def upload(name: str = "a.wav", **options) -> str:
        return noise(served.uploads.sounds / "7f" / name, **options)

    yield upload
    assert [path for path in served.uploads.sounds.rglob("*") if path.is_file()] == []
    assert list(served.uploads.work.iterdir()) == []


def test_labels_of_any_spelling_are_ranked_and_stay_text(served, sent):
    (found,) = served.answer(Asking(sent("<b>a.wav")), [ODD_NAME])
    assert {label for label, _ in found.prediction.ranked} == set(ODD)
    assert found.to_dict()["audio"] == "<b>a.wav"
    text = markup.answers([found])
    assert [
        mark for mark in ("<img src=x", "<b>", "${", "{{", "`", "</script>") if mark in text
    ] == []
    for shown in ("[laughter]", "a, &quot;b&quot;", "غضب", "😀", "&#123;&#123;1&#125;&#125;"):
        assert shown in text
    assert "data:image/png;base64" in found.look.picture
    assert "of it on the sound" in found.look.note


def test_an_answer_is_that_of_predict(served, sent, runs):
    path = sent(channels=8, rate=44_100)
    expected = load(runs[0]).predict(path, top=9).ranked
    (found,) = served.answer(Asking(path), [""])
    assert dict(found.prediction.ranked) == pytest.approx(dict(expected), abs=1e-6)


def test_two_runs_are_compared(served, sent):
    first, second = served.answer(Asking(sent()), [ODD_NAME, TWIN])
    assert (first.run, second.run) == (ODD_NAME, TWIN)
    assert first.prediction.ranked == second.prediction.ranked
    assert markup.answers([first, second]).count("<section") == 2


def test_silence_is_the_same_whatever_sounds(served, sent):
    asking = [Asking(sent(f"{seed}.wav", seed=seed), "is it?", True) for seed in (1, 2)]
    first, second = (served.answer(one, [ASKING])[0] for one in asking)
    assert first.prediction.every == second.prediction.every
    assert (first.look.picture, first.look.note) == ("", "the sound is silenced")
    heard = served.answer(Asking(sent(seed=1), "is it?"), [ASKING])[0]
    assert heard.prediction.every != first.prediction.every
    assert heard.look.words


def test_a_timeline_names_no_path(served, sent, runs):
    asking = Asking(sent("call.wav", seconds=3.0), "is it?")
    found = served.follow(asking, ASKING, Window(1.0, 0.5, 0.0))
    assert (found.facts["run"], found.facts["audio"]) == (ASKING, "call.wav")
    assert found.facts["rules"]["threshold"] == 0.0
    assert len(found.facts["windows"]) == 5
    place = str(runs[0].parents[3])
    assert place not in found.page + str(found.facts)
    framed = markup.timeline(found.page, "call.wav")
    assert 'sandbox="allow-scripts"' in framed
    assert [mark for mark in ("<script", "${", "{{") if mark in framed] == []


@pytest.mark.parametrize(
    ("names", "asking", "line"),
    [
        ([ASKING], {}, "demo_aqa_binary seed 0 answers questions: type one"),
        (["other"], {}, "unknown run 'other'; known: demo_aqa_binary seed 0,"),
        ([ODD_NAME], {"words": "x" * 2001}, "2001 letters of text: this page takes 2000 at most"),
        ([ODD_NAME], {"words": "x y " * 300}, "word pieces; this run reads"),
        ([ODD_NAME, ASKING], {}, "cannot be compared: only one of them knows"),
    ],
)
def test_wrong_words_are_one_line(served, sent, names, asking, line):
    with pytest.raises(UserError, match=line) as refused:
        served.answer(Asking(sent(), **asking), names)
    assert "\n" not in str(refused.value)


LOOKS = {
    **{name: BAD_FILES[name] for name in ("empty", "truncated", "silent", "nan", "text", "short")},
    "10 h": (lambda path: noise(path, seconds=36_000, rate=8, subtype="PCM_U8"), "600.0 minutes"),
    "0 s": (lambda path: noise(path, seconds=0.0), "too short"),
    "large": (lambda path: noise(path, seconds=20.0), "0.6 MB; this page takes 0.5 MB at most"),
    "video": (lambda path: path.write_bytes(b"\0\0\0\x20ftypisom" + b"\0" * 99), "not audio"),
    "rate": (
        lambda path: soundfile.write(path, np.zeros((999, 8)), 655_350, format="FLAC"),
        "8 channels at 655350 Hz",
    ),
}


@pytest.mark.parametrize(("write", "fault"), LOOKS.values(), ids=LOOKS)
def test_a_bad_file_is_one_line_without_its_path(served, sent, write, fault):
    sent()
    path = served.uploads.sounds / "7f" / "a.wav"
    write(path)
    with pytest.raises(UserError, match=fault) as refused:
        served.answer(Asking(str(path)), [ODD_NAME])
    assert "a.wav" in str(refused.value)
    assert str(served.uploads.sounds) not in str(refused.value)


def test_flags_of_the_command_line_are_left_out(served, sent):
    with pytest.raises(UserError, match=r"^hop 2: at most the window"):
        served.follow(Asking(sent(), "is it?"), ASKING, Window(1.0, 2.0))


def test_no_sound_is_one_line(served):
    with pytest.raises(UserError, match="no sound: drop or record one first"):
        served.answer(Asking(None), [ODD_NAME])
