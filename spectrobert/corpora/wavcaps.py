"""WavCaps (Mei et al. 2023): 403,050 clips of four sources, captioned by a language model.

Clotho and AudioCaps are made of the same FreeSound and AudioSet recordings, so the owner's
blacklists are applied unless switched off: else the test audio of Clotho-AQA is pre-trained on.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from ..audio.segment import Segment
from ..errors import UserError, unknown
from . import Corpus
from .example import Dropped, Example
from .label_files import index_audio, read_json


class Source(NamedTuple):
    """Folder and labels of one of the four sources, and its name in the blacklists."""

    folder: str  # of its JSON under json_files/, and of its audio; archives unpack to FOLDER_flac
    labels: str
    blacklist: str  # "": the owner lists no overlap for this source
    rows: int  # of its JSON


SOURCES = {
    "audioset": Source("AudioSet_SL", "as_final.json", "AudioSet", 108317),
    "bbc": Source("BBC_Sound_Effects", "bbc_final.json", "", 31201),
    "freesound": Source("FreeSound", "fsd_final.json", "FreeSound", 262300),
    "soundbible": Source("SoundBible", "sb_final.json", "", 1232),
}
CHOOSE = "name the sources you have, as in dataset.sources=[soundbible]"
MAX_SECONDS = 1e6  # the longest clip lasts 67,109
BLACKLISTS = ("all_ac", "test_ac", "ub8k_esc50_vggsound", "none")


def load(
    root: Path,
    task: str,
    *,
    sources: tuple[str, ...] = ("audioset", "bbc", "freesound", "soundbible"),
    blacklist: str = "all_ac",
) -> Iterator[Example | Dropped]:
    """Captioned clips; no owner's split, no speakers. Audio may last 18 hours: seek into it.

    `blacklist` leaves out the audio of other corpora: `all_ac` of AudioCaps and Clotho, `test_ac`
    of their test splits alone, `ub8k_esc50_vggsound` of UrbanSound8K, ESC-50 and VGGSound. Several
    are joined by "+".
    """
    lists = blacklist.split("+")
    for kind, names, allowed in (("source", sources, SOURCES), ("blacklist", lists, BLACKLISTS)):
        for name in names:
            if name not in allowed:
                raise unknown(f"wavcaps {kind}", name, allowed)
    chosen = {name: SOURCES[name] for name in sources}
    labels = {name: _labels(root, source) for name, source in chosen.items()}
    audio = _audio_folders(root, [source.folder for source in chosen.values()])
    keys = [source.blacklist for source in chosen.values()]
    excluded = [_excluded(root, name, keys) for name in lists]
    for name, source in chosen.items():
        clips: dict[str, str] = {}
        for folder in audio[source.folder]:
            clips |= index_audio(folder)
        if not clips:
            raise UserError(
                f"wavcaps: no audio in {audio[source.folder][0]}; are its archives unpacked?"
            )
        left_out = frozenset[str]().union(*(of.get(source.blacklist, ()) for of in excluded))
        for row, record in enumerate(_records(labels[name])):
            yield _example(task, name, row, record, clips, left_out)


def published_counts(
    root: Path, task: str, *, sources: Sequence[str], blacklist: str
) -> dict[str, int]:
    """The rows of the chosen sources, those included that are left out."""
    return {"rows": sum(SOURCES[name].rows for name in sources)}


def overlaps(sources: Sequence[str], blacklist: str) -> dict[str, str]:
    """Corpora made of the same FreeSound recordings that the blacklists leave in."""
    held = {"clotho_aqa": {"all_ac", "test_ac"}, "esc10": {"ub8k_esc50_vggsound"}}
    if "freesound" not in sources:
        return {}
    return {
        name: f"with its FreeSound recordings left in (dataset.blacklist={blacklist})"
        for name, lists in held.items()
        if not lists & set(blacklist.split("+"))
    }


def _example(
    task: str,
    source: str,
    row: int,
    record: object,
    clips: dict[str, str],
    left_out: frozenset[str],
) -> Example | Dropped:
    if not _is_record(record):
        return Dropped("no id or no caption", f"{source} row {row}")
    clip = record["id"].removesuffix(".wav")  # AudioSet's ids keep the ending of the original file
    what = f"{source}/{clip}"
    if clip in left_out:
        return Dropped("in the blacklist", what)
    if clip not in clips:
        return Dropped("no audio file", what)
    return Example(
        what,
        (Segment(clips[clip]),),
        text="" if task == "caption" else record["caption"].strip(),
        caption=record["caption"].strip() if task == "caption" else "",
        seconds=_seconds(record.get("duration")),
        source=source,
    )


def _seconds(cell: object) -> float:
    """The owner's figure; 0 if there is none, or none to believe."""
    return float(cell) if isinstance(cell, int | float) and 0 < cell < MAX_SECONDS else 0.0


def _is_record(record: object) -> TypeGuard[dict[str, Any]]:
    """True if it names a clip and describes it."""
    return isinstance(record, dict) and all(_is_text(record.get(k)) for k in ("id", "caption"))


def _is_text(cell: object) -> bool:
    """True for a string with content that can be written: JSON can spell half a character."""
    if not isinstance(cell, str) or not cell.strip():
        return False
    return cell.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in cell)


def _labels(root: Path, source: Source) -> Path:
    path = root / "json_files" / source.folder / source.labels
    if not path.is_file():
        raise UserError(f"wavcaps: no {path}; {CHOOSE}")
    return path


def _records(path: Path) -> list[object]:
    content = read_json(path, keep=("data", "id", "caption", "duration"))
    records = content.get("data") if isinstance(content, dict) else None
    if not isinstance(records, list) or not any(map(_is_record, records)):
        raise UserError(
            f'{path} is no WavCaps file: {{"data": [{{"id", "caption", ...}}]}} expected'
        )
    return records


def _excluded(root: Path, blacklist: str, keys: Sequence[str]) -> dict[str, frozenset[str]]:
    """The ids in a blacklist, by its key of the source; empty if no source needs the list."""
    keys = [key for key in dict.fromkeys(keys) if key]
    if blacklist == "none" or not keys:
        return {}
    name = f"blacklist_exclude_{blacklist}.json"
    places = (root / "json_files" / "blacklist" / name, root / name)
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise UserError(
            f"wavcaps: no {places[0]}; get it from cvssp/WavCaps on the Hub, it keeps other "
            "corpora's test audio out, or do without it by dataset.blacklist=none"
        )
    content = read_json(path)
    lists = content if isinstance(content, dict) else {}
    excluded = {}
    for key in keys:
        ids = lists.get(key)
        if not isinstance(ids, list) or not all(isinstance(clip, str) for clip in ids):
            raise UserError(f"{path} is no WavCaps blacklist: a list of ids under {key!r} expected")
        excluded[key] = frozenset(clip.removesuffix(".wav") for clip in ids)
    return excluded


def _audio_folders(root: Path, wanted: Sequence[str]) -> dict[str, list[Path]]:
    """The folders of audio by name of the source's folder, wherever its archives were unpacked."""
    sources = {source.folder for source in SOURCES.values()}
    found: dict[str, list[Path]] = {}
    for parent, folders, _ in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if name != "json_files")
        for name in list(folders):
            source = name.removesuffix("_flac")
            if source in sources:
                found.setdefault(source, []).append(Path(parent, name))
                folders.remove(name)  # hundreds of thousands of files: read only if asked for
    missing = [folder for folder in wanted if folder not in found]
    if missing:
        raise UserError(f"wavcaps: no folder {missing[0]} with audio under {root}; {CHOOSE}")
    return found


CORPUS = Corpus(
    load=load,
    tasks=("pre", "caption"),
    layout="json_files/{AudioSet_SL/as,BBC_Sound_Effects/bbc,FreeSound/fsd,SoundBible/sb}_final"
    ".json, json_files/blacklist/*.json, and the unpacked FLAC files in Zip_files/SoundBible/ and "
    "so on, as cvssp/WavCaps on the Hub holds them",
    source="Mei et al. 2023, arXiv:2303.17395; academic use only",
    published_counts=published_counts,
    overlaps=overlaps,
)
