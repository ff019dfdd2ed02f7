"""Sources of corpora: the table, its parts, the documentation and `data list` agree."""

import shutil

import pytest

from spectrobert import corpora
from spectrobert.corpora.librispeech import SUBSETS
from spectrobert.corpora.wavcaps import SOURCES as WAVCAPS
from spectrobert.corpus_tools.fetch import acquisition
from spectrobert.corpus_tools.sources import AT_HAND, LIBRISPEECH_MD5, SOURCES, WebFile
from spectrobert.errors import UserError

from ..helpers.world import ROOT


def test_every_corpus_has_a_source():
    assert sorted([*SOURCES, *AT_HAND]) == sorted(corpora.MODULES)


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_a_source_is_either_fetched_or_explained(name):
    source = SOURCES[name]
    assert bool(source.items) != bool(source.steps)
    assert source.page.startswith("http")
    assert bool(source.size) == bool(source.items)
    assert not (source.needs_licence and source.items)
    for item in source.items:
        if isinstance(item, WebFile):
            assert item.file_name
            assert item.checksum == "" or len(item.checksum) == len("md5:") + 32
        elif item.archives:
            assert any(item.archives[0].name.startswith(p.rstrip("*")) for p in item.patterns)


def test_parts_are_those_the_corpus_knows():
    assert set(SOURCES["librispeech"].parts) == set(SUBSETS) == set(LIBRISPEECH_MD5)
    assert set(SOURCES["wavcaps"].parts) == set(WAVCAPS)
    for item in SOURCES["wavcaps"].items:
        if item.part:
            assert item.archives[0].into.endswith(f"/{WAVCAPS[item.part].folder}")


def test_choosing_parts():
    source = SOURCES["librispeech"]
    (item,) = acquisition.choose("librispeech", source, ["dev-clean"])
    assert item.url == "https://www.openslr.org/resources/12/dev-clean.tar.gz"
    assert len(acquisition.choose("librispeech", source, ["all"])) == 7
    parts = acquisition.choose("wavcaps", SOURCES["wavcaps"], ["soundbible"])
    assert [item.part for item in parts] == ["", "soundbible"]
    with pytest.raises(UserError, match=r"comes in parts: dev-clean, .* or --part all"):
        acquisition.choose("librispeech", source, [])
    with pytest.raises(UserError, match=r"'dev' .* did you mean 'dev-clean'|unknown part"):
        acquisition.choose("librispeech", source, ["dev"])
    with pytest.raises(UserError, match="comes as one"):
        acquisition.choose("ravdess", SOURCES["ravdess"], ["speech"])


def test_mirrors():
    url = "https://host.org/a/b?c=d"
    assert acquisition.mirrored(url, "") == url
    assert acquisition.mirrored(url, "http://m:1/x/") == "http://m:1/x/host.org/a/b?c=d"
    for wrong in ("m:1", "/data", "file:///data"):
        with pytest.raises(UserError, match="must begin with http"):
            acquisition.mirrored(url, wrong)


DOCS = (ROOT / "docs" / "corpora.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_the_documentation_has_a_section_and_a_true_row_for_every_corpus(name):
    section = DOCS.split(f"\n## {name}\n", 1)[1].split("\n## ", 1)[0]
    row = next(line for line in DOCS.splitlines() if line.startswith(f"| [{name}]"))
    _, _, tasks, _, how, _ = (cell.strip() for cell in row.split("|"))
    assert set(tasks.split(", ")) == set(corpora.corpus(name).tasks)
    assert ("data download" in how) == bool(SOURCES[name].items)
    for part in SOURCES[name].parts:
        assert f"`{part}`" in section
    if name not in ("crema_d", "cmu_mosei"):  # the one has the address in a command, the other none
        assert SOURCES[name].page.removeprefix("https://github.com/") in section or name == "meld"
    for option in corpora.corpus(name).options():
        assert f"dataset.{option}" in section


def test_the_list_shows_every_corpus_and_which_is_there(tmp_path, data):
    (tmp_path / "emodb").mkdir()
    (tmp_path / "tess").mkdir()
    shutil.copy(ROOT / "LICENSE", tmp_path / "tess")
    code, out, _ = data("list", "--data_dir", tmp_path)
    assert code == 0
    rows = {line.split("│")[1].strip(): line.split("│") for line in out.splitlines() if "│" in line}
    assert set(corpora.MODULES) <= set(rows)
    assert rows["tess"][-2].strip() == "yes"
    assert rows["emodb"][-2].strip() == "no"
    assert "[Labels/]" in out  # no markup
