"""The page of a timeline: what it holds, and what a browser makes of it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from spectrobert.run.timeline import page
from spectrobert.run.timeline.segments import segments
from spectrobert.run.timeline.settings import Rules

from ...helpers.sounds import noise
from ...helpers.timelines import ODD, ROWS, timeline

PROBE = """<script>
setTimeout(() => {
  const box = view.getBoundingClientRect(), found = document.body.dataset;
  const x = box.left + box.width * 0.56;
  view.dispatchEvent(new MouseEvent("click", {clientX: x, clientY: box.top + 9}));
  found.at = player.currentTime.toFixed(1);
  found.now = $("now").textContent;
  found.fits = document.documentElement.scrollWidth <= window.innerWidth;
  found.rows = $("rows").rows.length;
  found.length = player.duration.toFixed(0);
}, 1500);
</script></body>"""


@pytest.fixture
def odd_page(tmp_path) -> Path:
    """A page whose labels, question and file name are hostile."""
    name = noise(tmp_path / "<b>call.wav", seconds=8.0)
    made = timeline(ROWS, ODD[:2], audio=name, question="<i>is it?</i>")
    path = tmp_path / "page.html"
    page.write(path, made, segments(made, Rules()), Rules())
    return path


def test_a_page_escapes_labels_and_loads_nothing(odd_page):
    text = odd_page.read_text("utf-8")
    assert [mark for mark in ("<img", "<b>", "<i>", "http:", "https:") if mark in text] == []
    assert text.count("</script>") == 3
    assert [path.name for path in odd_page.parent.iterdir() if path.name.startswith(".")] == []


def test_a_page_without_its_sound_asks_for_the_file(odd_page, monkeypatch):
    monkeypatch.setattr(page, "EMBEDDED", 1.0)
    made = timeline(ROWS, audio=str(next(odd_page.parent.glob("*.wav"))))
    page.write(odd_page, made, (), Rules())
    text = odd_page.read_text("utf-8")
    assert '"embedded": false' in text
    assert len(text) < 30_000


def test_a_browser_shows_the_page_and_a_click_plays_from_there(odd_page, tmp_path):
    if not (chromium := shutil.which("chromium")):
        pytest.skip("no chromium")
    odd_page.write_text(odd_page.read_text("utf-8").replace("</body>", PROBE), "utf-8")
    flags = ("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'c'}")
    size = ("--window-size=390,844", "--virtual-time-budget=4000", "--dump-dom")
    done = subprocess.run(
        [chromium, *flags, *size, odd_page.as_uri()], capture_output=True, text=True, timeout=120
    )
    found = done.stdout
    for fact in ('data-at="4.5"', 'data-fits="true"', 'data-rows="3"', 'data-length="8"'):
        assert fact in found
    assert "no sound" in found.split('data-now="', 1)[1].split('"')[0]
    assert "<img" not in found
