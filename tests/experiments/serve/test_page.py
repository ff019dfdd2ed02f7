"""The page that is served: calls of programs, and a real browser."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from spectrobert.commands.serve import _demo_runs
from spectrobert.errors import UserError
from spectrobert.experiments.serve.limits import Limits
from spectrobert.experiments.serve.server import serving

from ...helpers.browser import Browser
from ...helpers.served import ODD
from ...helpers.sounds import noise

ODD_NAME = "demo_classification seed 0"
FAULT = "document.querySelector('#answers .sb-fault')?.innerText"


@pytest.fixture(scope="module")
def served(request):
    """The address of a page over two runs, and its uploads."""
    pytest.importorskip("gradio", reason="the extra serve is not installed")
    runs = request.getfixturevalue("runs")  # trained only if they are served
    with serving(runs, "127.0.0.1", 0, Limits(1.0, 1.0)) as found:
        yield found


@pytest.fixture
def call(served):
    """`call(name, *inputs)` is the last line of a named call, as curl gets it."""
    url = f"{served[0]}/gradio_api/call"

    def answer(name: str, *inputs) -> str:
        body = json.dumps({"data": inputs}).encode()
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{url}/{name}", body, kind)
        event = json.loads(urllib.request.urlopen(request).read())["event_id"]
        found = urllib.request.urlopen(f"{url}/{name}/{event}").read().decode()
        return found.strip().splitlines()[-1].removeprefix("data: ")

    return answer


def sent(url: str, path: str, name: str) -> dict:
    """An upload under any name, as a call takes it."""
    head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    body = head.encode() + Path(path).read_bytes() + b"\r\n--x--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    request = urllib.request.Request(f"{url}/gradio_api/upload", body, kind)
    (place,) = json.loads(urllib.request.urlopen(request).read())
    return {"path": place, "meta": {"_type": "gradio.FileData"}}


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_program_gets_answers_and_leaves_nothing(served, call, tmp_path):
    (url, uploads), sound = served, noise(tmp_path / "a.wav")
    (runs,) = json.loads(call("runs"))
    assert [one["words"] for one in runs] == ["text", "question"]
    file = sent(url, sound, "../../é {x}.wav")
    assert uploads.holds(file["path"])
    (found,) = json.loads(call("answer", file, "", ODD_NAME, False))
    assert {one["label"] for one in found["answers"]} == set(ODD)
    assert "/" not in found["audio"]
    assert files_in(uploads.sounds) == []


def test_paths_links_and_nonsense_are_one_line_and_leave_no_traceback(
    served, call, tmp_path, capfd
):
    (url, uploads), own = served, noise(tmp_path / "own.wav")
    for path in (own, f"{uploads.sounds}/../../..{own}", "/etc/passwd", f"{url}/config"):
        for file in ({"path": path, "meta": {"_type": "gradio.FileData"}}, {"path": path}):
            assert "must be uploaded" in call("answer", file, "", ODD_NAME, False)
    assert "must be uploaded" in call("answer", None, {"path": own}, ODD_NAME, False)
    assert "do not fit" in call("answer", own, "", ODD_NAME, False)
    assert "do not fit" in call("answer", 5, ["x"], ODD_NAME)
    file = sent(url, own, "a.wav")
    assert "not in the list of choices" in call("answer", file, "", "other", False)
    assert files_in(uploads.sounds) == []
    for path in ("/etc/passwd", own, f"{uploads.sounds}/../../..{own}"):
        with pytest.raises(urllib.error.HTTPError, match=r"40[34]"):
            urllib.request.urlopen(f"{url}/gradio_api/file={path}")
    assert Path(own).exists()
    assert "Traceback" not in "".join(capfd.readouterr())


def test_a_port_that_is_taken_is_one_line(served):
    port = int(served[0].rpartition(":")[2])
    with pytest.raises(UserError, match=f"--port {port}: Address already in use"):
        serving([], "127.0.0.1", port, Limits()).__enter__()


def test_the_demo_that_was_not_made(tmp_path):
    with pytest.raises(UserError, match=r"no run of the demo in .*: python -m spectrobert demo"):
        _demo_runs(tmp_path)
    run = tmp_path / "demo_baseline" / "seed0"
    run.mkdir(parents=True)
    (run / "results.json").write_text("{}")
    assert _demo_runs(tmp_path) == [run]


def test_a_browser_uploads_and_asks_again_on_a_phone(served, tmp_path, capfd):
    (url, uploads), sound = served, noise(tmp_path / "clip.wav", seconds=1.0)
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    with Browser(tmp_path / "profile") as browser:
        browser.open(url, width=390, height=844)
        browser.upload("#sound input[type=file]", sound)
        browser.wait("document.querySelector('#sound').innerText.includes('0:01')")
        browser.click("#ask")
        assert "heard 0.00 to 1.00 s of 1.00 s of clip.wav" in browser.wait(
            "document.querySelector('#answers .sb-run')?.innerText"
        )
        shown = browser.run("[...document.querySelectorAll('#answers bdi')].map(x => x.innerText)")
        assert set(shown) == set(ODD)
        assert browser.run("document.querySelector('#answers img').naturalWidth") > 300
        assert files_in(uploads.sounds) == []
        browser.click("#along")  # the browser sends the sound again
        browser.wait("document.querySelector('#timeline iframe') !== null")
        assert browser.run("document.documentElement.scrollWidth") <= 390
        browser.click("#sound button[aria-label*=lear]")
        browser.upload("#sound input[type=file]", str(bad))
        browser.wait("document.querySelector('#sound').innerText.includes('bad.wav') || true")
        browser.click("#ask")
        assert browser.wait(FAULT) == "bad.wav: not audio: Format not recognised."
        assert browser.run("document.documentElement.scrollWidth") <= 390
        assert browser.run("document.title") == "SpectroBERT"
        hosts = {address for address in browser.requests if address.startswith("http")}
        assert {address for address in hosts if not address.startswith(url)} == set()
    assert files_in(uploads.sounds) == []
    assert "Traceback" not in "".join(capfd.readouterr())
