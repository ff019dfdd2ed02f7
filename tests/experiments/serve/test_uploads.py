"""The folder of uploads: what is taken from it, what is deleted, and when."""

import os
from pathlib import Path

import pytest

from spectrobert.errors import UserError
from spectrobert.experiments.serve.uploads import NOT_UPLOADED, Uploads


@pytest.fixture
def uploads():
    with Uploads() as made:
        yield made


@pytest.fixture
def sound(uploads) -> Path:
    path = uploads.sounds / "7f" / "a.wav"
    path.parent.mkdir()
    path.write_text("x")
    return path


def test_gradio_writes_to_a_folder_that_is_gone_in_the_end(monkeypatch):
    monkeypatch.setenv("GRADIO_ALLOWED_PATHS", "/")
    with Uploads() as made:
        assert os.environ["GRADIO_TEMP_DIR"] == str(made.sounds)
        assert os.environ["GRADIO_ALLOWED_PATHS"] == ""
        (made.sounds / "left.wav").write_text("x")
    assert not made.sounds.exists()
    assert os.environ["GRADIO_ALLOWED_PATHS"] == "/"
    assert "GRADIO_TEMP_DIR" not in os.environ


@pytest.mark.parametrize("name", ["{own}", "{sounds}/../../{own}", "{sounds}/link.wav", "\0", "."])
def test_a_path_of_the_server_is_neither_read_nor_deleted(uploads, tmp_path, name):
    own = tmp_path / "own.wav"
    own.write_text("x")
    (uploads.sounds / "link.wav").symlink_to(own)
    path = name.format(own=own, sounds=uploads.sounds)
    for value in ({"path": path}, [{"a": [{"path": path, "url": "http://x/a.wav"}]}]):
        with pytest.raises(UserError):
            uploads.check(value)
        uploads.drop(value)
    with pytest.raises(UserError), uploads.taken(path):
        pass
    assert own.exists()


def test_a_link_is_not_followed(uploads):
    with pytest.raises(UserError, match=NOT_UPLOADED):
        uploads.check([{"path": "http://127.0.0.1/a.wav"}, ""])


def test_an_upload_is_deleted_after_its_answer_and_after_a_refusal(uploads, sound):
    uploads.check([{"path": str(sound)}, "words", None])
    with uploads.taken(str(sound)):
        assert sound.exists()
    assert not sound.exists()
    with pytest.raises(UserError, match="deleted after its answer: drop it again"):
        uploads.check([{"path": str(sound)}])
    sound.write_text("x")
    uploads.drop([{"path": str(sound)}])
    assert not sound.exists()


def test_an_equal_upload_waits_for_its_own_answer(uploads, sound):
    uploads.arrived([str(sound), str(sound)])
    with uploads.taken(str(sound)):
        pass
    assert sound.exists()
    with uploads.taken(str(sound)):  # and a third, whose arrival is not noted yet
        other = sound.with_name("b.wav")
        other.write_text("x")
        os.replace(other, sound)
    assert sound.exists()


def test_what_nobody_asks_about_is_deleted_in_time(uploads, sound):
    old = uploads.sounds / "tmp1"
    old.write_text("half an upload")
    for path in (old, sound):
        os.utime(path, (1, 1))
    with uploads.taken(str(sound)):
        uploads.sweep()
        assert (sound.exists(), old.exists()) == (True, False)
    new = uploads.sounds / "tmp2"
    new.write_text("x")
    os.utime(sound.parent, (1, 1))
    uploads.sweep()
    assert (sound.parent.exists(), new.exists()) == (False, True)
