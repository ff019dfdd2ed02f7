"""Sources of the corpora: files to fetch, and licences that a person has to sign.

A checksum stands here only if the owner publishes it. Those of Zenodo's records and of the Hub's
files are asked for when they are fetched.
"""

from dataclasses import dataclass

OPENSLR = "https://www.openslr.org/resources/12"
LIBRISPEECH_MD5 = {  # openslr.org/resources/12/md5sum.txt
    "dev-clean": "42e2234ba48799c1f50f24a7926300a1",
    "dev-other": "c8d0bcc9cca99d4f8b62fcc847357931",
    "test-clean": "32fa31d27d2e1cad72775fee3f4849a9",
    "test-other": "fb5a50374b501bb3bac4815ee91d3135",
    "train-clean-100": "2a93770f6d5c6c964bc36631d331a522",
    "train-clean-360": "c0e676e450a7ff2f54aeade5171606fa",
    "train-other-500": "d1a0fd59409feb2c614ce4d30c387708",
}
WAVCAPS_FOLDERS = {
    "audioset": "AudioSet_SL",
    "bbc": "BBC_Sound_Effects",
    "freesound": "FreeSound",
    "soundbible": "SoundBible",
}
TO_WAV = (
    "MELD ships video: in each of train_splits, dev_splits_complete and output_repeated_splits_test"
    ' run: for f in dia*.mp4; do ffmpeg -i "$f" -vn -ac 1 -ar 16000 "${f%.mp4}.wav"; done'
)


@dataclass(frozen=True)
class Archive:
    """Instructions to unpack a fetched archive."""

    name: str  # its path among the fetched files
    into: str = ""  # a folder under the corpus' own
    inside: str = ""  # of the archive, only the content of this folder


@dataclass(frozen=True)
class WebFile:
    """One file to fetch over HTTP, and to unpack if it is an archive."""

    url: str
    part: str = ""  # its name for --part; "" comes with every part
    name: str = ""  # if it is not the last part of the address
    checksum: str = ""  # "md5:HEX"
    zenodo: str = ""  # record that states the checksum
    inside: str = ""  # of the archive, only the content of this folder

    @property
    def file_name(self) -> str:
        return self.name or self.url.rpartition("/")[2]

    @property
    def archives(self) -> tuple[Archive, ...]:
        is_archive = self.file_name.endswith((".zip", ".tar.gz"))
        return (Archive(self.file_name, inside=self.inside),) if is_archive else ()


@dataclass(frozen=True)
class HubFiles:
    """Files of a data set repository on the Hugging Face Hub."""

    repo: str
    patterns: tuple[str, ...]
    part: str = ""
    archives: tuple[Archive, ...] = ()  # to unpack, in this order: one may hold the next


@dataclass(frozen=True)
class Source:
    """The way to get a corpus: `items` are fetched; without any, a person follows `steps`."""

    licence: str
    page: str
    items: tuple[WebFile | HubFiles, ...] = ()
    size: str = ""  # of the items
    steps: tuple[str, ...] = ()
    needs_licence: bool = False  # someone has to sign, or to accept terms under a name
    afterwards: str = ""  # left to do when all is fetched

    @property
    def parts(self) -> tuple[str, ...]:
        """Names for --part; empty if the corpus comes as one."""
        return tuple(item.part for item in self.items if item.part)


def _zenodo(record: str, name: str) -> WebFile:
    return WebFile(f"https://zenodo.org/records/{record}/files/{name}", zenodo=record)


def _librispeech(part: str) -> WebFile:
    return WebFile(f"{OPENSLR}/{part}.tar.gz", part, checksum=f"md5:{LIBRISPEECH_MD5[part]}")


def _wavcaps(part: str, folder: str) -> HubFiles:
    files = f"Zip_files/{folder}"
    archive = Archive(f"{files}/{folder}.zip", into=files)
    return HubFiles("cvssp/WavCaps", (f"{files}/*", f"json_files/{folder}/*"), part, (archive,))


SOURCES: dict[str, Source] = {
    "ravdess": Source(
        licence="CC BY-NC-SA 4.0",
        page="https://zenodo.org/records/1188976",
        items=(_zenodo("1188976", "Audio_Speech_Actors_01-24.zip"),),
        size="208 MB",
    ),
    "clotho_aqa": Source(
        licence="Freesound's licences, clip by clip",
        page="https://zenodo.org/records/6473207",
        items=tuple(
            _zenodo("6473207", name)
            for name in (
                "LICENSE.txt",
                "clotho_aqa_metadata.csv",
                *(f"clotho_aqa_{split}.csv" for split in ("train", "val", "test")),
                "audio_files.zip",
            )
        ),
        size="3.1 GB",
    ),
    "librispeech": Source(
        licence="CC BY 4.0",
        page="https://www.openslr.org/12",
        items=tuple(map(_librispeech, LIBRISPEECH_MD5)),
        size="0.3 to 30 GB a part",
    ),
    "wavcaps": Source(
        licence="academic use only",
        page="https://huggingface.co/datasets/cvssp/WavCaps",
        items=(
            HubFiles("cvssp/WavCaps", ("json_files/blacklist/*",)),
            *(_wavcaps(part, folder) for part, folder in WAVCAPS_FOLDERS.items()),
        ),
        size="0.6 to 650 GB a part",
    ),
    "slue_voxceleb": Source(
        licence="CC BY 4.0",
        page="https://huggingface.co/datasets/asapp/slue",
        items=(HubFiles("asapp/slue", ("voxceleb/*.parquet",)),),
        size="1.6 GB",
    ),
    "esc10": Source(
        licence="CC BY 3.0, the rest of ESC-50 CC BY-NC 3.0",
        page="https://github.com/karolpiczak/ESC-50",
        items=(
            WebFile(
                "https://github.com/karolpiczak/ESC-50/archive/refs/heads/master.zip",
                inside="ESC-50-master",
            ),
        ),
        size="0.6 GB",
    ),
    "emodb": Source(
        licence="free to use, no licence text",
        page="http://emodb.bilderbar.info",
        items=(WebFile("http://emodb.bilderbar.info/download/download.zip"),),
        size="less than 0.1 GB",
    ),
    "tess": Source(
        licence="CC BY-NC-ND 4.0",
        page="https://doi.org/10.5683/SP2/E8H2MF",
        items=(
            WebFile(
                "https://borealisdata.ca/api/access/dataset/:persistentId/"
                "?persistentId=doi:10.5683/SP2/E8H2MF",
                name="tess.zip",
            ),
        ),
        size="270 MB",
    ),
    "meld": Source(
        licence="GPL-3.0 (annotation), clips for research",
        page="https://affective-meld.github.io",
        items=(
            HubFiles(
                "declare-lab/MELD",
                ("MELD.Raw.tar.gz",),
                archives=(
                    Archive("MELD.Raw.tar.gz", inside="MELD.Raw"),
                    *(Archive(f"{split}.tar.gz") for split in ("train", "dev", "test")),
                ),
            ),
        ),
        size="more than 10 GB",
        afterwards=TO_WAV,
    ),
    "crema_d": Source(
        licence="Open Database License",
        page="https://github.com/CheyneyComputerScience/CREMA-D",
        steps=(
            "install git with its LFS extension: the repository's zip holds pointers and no audio",
            "git lfs install",
            "git clone https://github.com/CheyneyComputerScience/CREMA-D {root}",
        ),
    ),
    "iemocap": Source(
        licence="licence from USC SAIL",
        page="https://sail.usc.edu/iemocap/iemocap_release.htm",
        steps=(
            "fill in and sign the release form on that page; your institution is asked for",
            "download and unpack IEMOCAP_full_release.tar.gz",
        ),
        needs_licence=True,
    ),
    "msp_podcast": Source(
        licence="licence from UT Dallas",
        page="https://ecs.utdallas.edu/research/researchlabs/msp-lab/MSP-Podcast.html",
        steps=(
            "have your institution sign the academic licence that the page describes",
            "download the release with the link you are sent, and note its version: scores differ",
        ),
        needs_licence=True,
    ),
    "common_voice": Source(
        licence="CC0; terms of the Mozilla Data Collective",
        page="https://datacollective.mozillafoundation.org",
        steps=(
            "make an account and accept the terms: releases have left the Hugging Face Hub",
            "download and unpack one language's archive, cv-corpus-VERSION-LANGUAGE.tar.gz",
        ),
        needs_licence=True,
    ),
    "cmu_mosei": Source(
        licence="research use; the videos are their owners'",
        page="https://github.com/CMU-MultiComp-Lab/CMU-MultimodalSDK",
        steps=(
            "read the terms on that page; the server that held the raw audio is reported dead, so "
            "ask the authors, or your group, for a copy",
            "labels and words: CMU_MOSEI_Labels.csd and CMU_MOSEI_TimestampedWords.csd; folds: "
            "cmu_mosei_std_folds.py of the SDK",
        ),
        needs_licence=True,
    ),
    "savee": Source(
        licence="research use on registration",
        page="http://kahlan.eps.surrey.ac.uk/savee/",
        steps=("register on that page", "download and unpack AudioData"),
        needs_licence=True,
    ),
    "esd": Source(
        licence="research use",
        page="https://hltsingapore.github.io/ESD/",
        steps=(
            "sign the licence that the page links and ask for the download",
            "unpack the zip",
        ),
        needs_licence=True,
    ),
}
# Corpora that nobody has to fetch
AT_HAND = {
    "demo": "synthesised when it is first used",
    "csv": "your own files",
    "audformat": "your own database, or one that audb fetches",
    "folder": "your own folders",
    "kaldi": "your own folder",
}
