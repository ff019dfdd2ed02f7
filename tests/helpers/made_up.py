"""Made-up corpora, a few rows each, in the files and folders of their owners."""

import json
from pathlib import Path

import numpy as np
import pytest

from spectrobert.corpora import cmu_mosei

from .corpus_files import encoded, tsv, write

IEMOCAP_LABELS = ["neu", "hap", "exc", "ang", "sad", "fru", "fea", "sur", "dis", "oth", "xxx"]


def write_dialogue(root: Path, dialogue: str, turns: list[tuple[str, str]]) -> None:
    """One dialogue as released, clutter included; `turns` are (turn, label)."""
    session = root / f"Session{dialogue[4]}"
    evaluation = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
    transcript = []
    for number, (turn, label) in enumerate(turns):
        start = f"{number}.2901 - {number}.8357"
        evaluation += [
            f"[{start}]\t{turn}\t{label}\t[2.5000, 3.0000, 4.5000]",
            "C-E2:\tNeutral;\t()",
            "A-E3:\tval 3; act 2; dom  2;\t()",
            "",
        ]
        transcript.append(f"{turn} [{number:03}.2901-{number:03}.8357]: Excuse me: {number}.")
        write(session / "sentences" / "wav" / dialogue / f"{turn}.wav")
    transcript.append("M: [BREATHING]")
    transcript.append(f"{dialogue}_MXX0 [001.0000-002.0000]: Mmhmm.")
    write(session / "dialog" / "EmoEvaluation" / f"{dialogue}.txt", "\n".join(evaluation))
    write(session / "dialog" / "EmoEvaluation" / f"._{dialogue}.txt", b"\x00\x05\x16\x07\xff[")
    write(session / "dialog" / "EmoEvaluation" / "Categorical" / f"{dialogue}_e1.txt", "[1] x")
    write(session / "dialog" / "transcriptions" / f"{dialogue}.txt", "\n".join(transcript) + "\n")


def iemocap(root: Path) -> None:
    """Two sessions; in session 1 each of the owner's labels once, said by the man."""
    turns = [(f"Ses01F_impro01_M{n:03}", label) for n, label in enumerate(IEMOCAP_LABELS)]
    write_dialogue(root, "Ses01F_impro01", turns)
    write_dialogue(root, "Ses02M_script01_1b", [("Ses02M_script01_1b_F000", "ang")])


MOSEI_CSV = (
    ",file,index,start,end,label2a,label2b,label6,label7,split\n"
    "0,--qXJuDtHPw,0,23.199,30.325,1,1,0,1,1\n"
    "1,-3g5yACwYnA,0,82.753,100.555,1,1,0,1,0\n"
    "2,-3g5yACwYnA,1,-0.4379,5.5,0,-1,2,-3,0\n"
    "3,2OLVF-KEaZU,3,1.0,4.0,1,0,0,0,2\n"
    "4,-9YyBTjo1zo,0,1.0,2.0,0,-1,0,-1,3\n"
)
# video: (start, end, sentiment and six emotions) by segment, in the order of the .csd
MOSEI_CSD = {
    "--qXJuDtHPw": [(23.199, 30.325, [0.5, 0.67, 0, 0, 0, 0, 0])],
    "-3g5yACwYnA": [
        (82.753, 100.555, [1.5, 0, 1, 0, 0, 0, 0.33]),
        (-0.4379, 5.5, [-0.3333, 0, 0, 0, 0, 0, 0]),
    ],
    "2OLVF-KEaZU": [(1.0, 4.0, [-4.2, 0, 0, 2, 0, 0, 0])],  # owner's slip: beyond -3
    "-9YyBTjo1zo": [(1.0, 2.0, [-1.0, 0, 0, 0, 0, 0, 0])],
}


def write_csd(path: Path, name: str, rows: dict[str, list[tuple[float, float, list]]]) -> Path:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file.create_group(f"{name}/metadata").create_dataset("md5", data=b"x")
        for video, segments in rows.items():
            group = file.create_group(f"{name}/data/{video}")
            cells = [cells for _, _, cells in segments]
            kind = "S32" if isinstance(cells[0][0], bytes) else "float32"
            group.create_dataset("features", data=np.array(cells, dtype=kind))
            group.create_dataset("intervals", data=np.array([row[:2] for row in segments]))
    return path


def mosei_csv(root: Path) -> None:
    """The segment list and the sound: one segment cut as s3prl does, the other videos whole."""
    write(root / cmu_mosei.LABELS_CSV, MOSEI_CSV)
    write(root / "Audio/Segmented_Audio/dev/--qXJuDtHPw_0.wav")
    for video in MOSEI_CSD:
        write(root / f"Audio/Full/WAV_16000/{video}.wav")


def mosei(root: Path) -> None:
    """The segment list, the continuous labels and the words."""
    mosei_csv(root)
    write_csd(root / cmu_mosei.LABELS_CSD, "All Labels", MOSEI_CSD)
    words = [(0.1, 0.5, [b"it"]), (0.5, 0.9, [b"sp"]), (0.9, 1.5, [b"works"]), (5.4, 6.2, [b"no"])]
    write_csd(root / cmu_mosei.WORDS_CSD, "words", {"-3g5yACwYnA": words[::-1]})


MSP_CSV = (
    "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set\n"
    "MSP-PODCAST_0001_0008.wav,N,2.2,4.0,3.2,127,Male,Train\n"
    "MSP-PODCAST_0001_0019.wav,U,5.8,3.6,7,Unknown,Unknown,Development\n"
    "MSP-PODCAST_0002_0033.wav,C,4.0,2.0,4.6,8,Female,Test1\n"
    "MSP-PODCAST_0002_0039.wav,A,1,2.0,4.6,9,Female,Test2\n"
    "MSP-PODCAST_0003_0001.wav,O,4.0,2.0,4.6,8,Female,Test1\n"
    "MSP-PODCAST_0003_0002.wav,X,4.0,2.0,4.6,8,Female,Train\n"
    "MSP-PODCAST_0003_0003.wav,S,,2.0,3.0,8,Female,Train\n"
    "MSP-PODCAST_0003_0005.wav,S,2.0,2.0,7.5,8,Female,Train\n"
    "MSP-PODCAST_0003_0006.wav,S,2.0,0.5,3.0,8,Female,Train\n"
    "MSP-PODCAST_0003_0004.wav,S,2.0,2.0,2.5,8,Female,Train\n"
)


MSP_CLIP = "MSP-PODCAST_0001_0008"
MSP_WORDS = ("Neutral", "Surprise", "Neutral", "Other-calm", "Happy")


def msp_votes() -> dict[str, str]:
    """Five annotators of the first turn, in both of the owner's formats."""
    header = "FileName,WorkerID,EmoClass_Major\n"
    rows = (f"{MSP_CLIP}.wav,W{i},{word}\n" for i, word in enumerate(MSP_WORDS))
    answers = {f"W{i}": {"EmoClass_Major": word} for i, word in enumerate(MSP_WORDS)}
    return {"csv": header + "".join(rows), "json": json.dumps({f"{MSP_CLIP}.wav": answers})}


CREMA_CLIPS = ("1001_IEO_NEU_XX", "1091_WSI_SAD_XX", "1002_IEO_NEU_XX")
CREMA_VOTES = """"","A","D","F","H","N","S","fileName","numResponses"
"100001",0,1,0,0,9,0,"1001_IEO_NEU_XX",10
"200001",9,0,0,0,0,0,"1001_IEO_NEU_XX",9
"300001",9,0,0,0,0,0,"1001_IEO_NEU_XX",9
"107442",3,0,2,0,0,4,"1091_WSI_SAD_XX",9
"""


def crema(root: Path) -> None:
    """Three clips; votes on the voice for two of them."""
    for clip in CREMA_CLIPS:
        write(root / f"AudioWAV/{clip}.wav")
    write(root / "processedResults/tabulatedVotes.csv", CREMA_VOTES)


def msp_json(root: Path) -> None:
    """As `msp`, its votes in JSON."""
    msp(root)
    (root / "Labels/labels_detailed.csv").unlink()
    write(root / "Labels/labels_detailed.json", msp_votes()["json"])


def msp(root: Path) -> None:
    """Ten turns, the last without sound; votes for the first."""
    write(root / "Labels/labels_consensus.csv", MSP_CSV)
    write(root / "Labels/labels_detailed.csv", msp_votes()["csv"])
    for line in MSP_CSV.splitlines()[1:-1]:
        write(root / "Audios" / line.split(",")[0])
    write(root / "Transcripts/MSP-PODCAST_0001_0008.txt", "so it\nwent\n")


def write_english(root: Path, speaker: str, text: str | bytes) -> None:
    """One speaker: an angry clip in one of the owner's split folders, and a neutral one."""
    write(root / speaker / f"{speaker}.txt", text)
    write(root / speaker / "Angry" / "train" / f"{speaker}_000351.wav")
    write(root / speaker / "Neutral" / f"{speaker}_000001.wav")


SPOKEN = "The nine \u2013 so sad."  # an en dash
ENGLISH = "{0}_000001\tThe nine the eggs, I keep.\tNeutral\n{0}_000351\t" + SPOKEN + "\tAngry\n"


def esd(root: Path) -> None:
    """One speaker of Mandarin, whose text is English."""
    write_english(root, "0001", ENGLISH.format("0001"))


MELD_HEADER = (
    "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,"
    "StartTime,EndTime\n"
)
MELD_TIMES = '8,21,"00:16:16,059","00:16:21,731"\n'
MELD = {
    "train": '1,"also I was, the point person",Chandler,neutral,neutral,0,0,'
    + MELD_TIMES
    # As published: Windows' quotes as the control characters U+0091 and U+0092.
    + "2,You\x92re \x91it\x92,The Interviewer,joy,positive,0,1,"
    + MELD_TIMES,
    "dev": "1,“Oh my God!”,Phoebe,sadness,negative,0,0," + MELD_TIMES,
    "test": "1,Why?,Mark,surprise,positive,0,0,"
    + MELD_TIMES
    + "2,,Ross,anger,negative,0,1,"
    + MELD_TIMES,
}


def meld(root: Path) -> None:
    for split, table in MELD.items():
        write(root / f"{split}_sent_emo.csv", MELD_HEADER + table)
    (root / "train").mkdir()
    (root / "train_sent_emo.csv").rename(root / "train" / "train_sent_emo.csv")
    for clip in (
        "train/train_splits/dia0_utt0.wav",
        "train/train_splits/dia0_utt1.flac",
        "dev_splits_complete/dia0_utt0.mp3",
        "output_repeated_splits_test/dia0_utt0.wav",
        "output_repeated_splits_test/dia0_utt1.wav",
    ):
        write(root / clip)


CV_HEADER = "client_id|path|sentence_id|sentence|up_votes|down_votes|age|gender|locale|segment"


def common_voice(root: Path) -> None:
    """One release of one language, as its archive unpacks."""
    folder = root / "cv-corpus-17.0-2024-03-15/eo"
    for clip in range(5):
        write(folder / f"clips/common_voice_eo_{clip}.mp3", encoded(0.2, "MP3"))
    rows = {
        "train": [
            'anna|common_voice_eo_0.mp3|s0|"Ĉu vi venos?"|2|0||||',
            "anna|common_voice_eo_1|s1|Jes.|5|1|||eo",
            "bela|common_voice_eo_9.mp3|s2|Mankas.|2|0||||",
            "bela|common_voice_eo_2.mp3|s3||2|0||||",
        ],
        "dev": ["carl|common_voice_eo_3.mp3|s4|Ne.|_|||||"],
        "test": ["dora|common_voice_eo_4.mp3|s5|Eble.|2|3||||"],
    }
    for name, lines in rows.items():
        write(folder / f"{name}.tsv", tsv(CV_HEADER, *lines))
    write(folder / "validated.tsv", tsv(CV_HEADER, *rows["train"][:2], *rows["test"]))


def librispeech(root: Path) -> None:
    for subset, chapter in {
        "train-clean-100": "103/1240",
        "train-other-500": "20/205",
        "dev-clean": "84/121123",
        "test-other": "367/130732",
    }.items():
        folder = root / "LibriSpeech" / subset / chapter
        stem = chapter.replace("/", "-")
        for utterance in (0, 1, 3):
            write(folder / f"{stem}-{utterance:04d}.flac", encoded())
        lines = f"{stem}-0000 CHAPTER ONE\n{stem}-0001 MISSUS RACHEL'S HOUSE\n{stem}-0002 LOST\n"
        write(folder / f"{stem}.trans.txt", lines)
    write(root / "LibriSpeech/SPEAKERS.TXT", ";ID  |SEX|\n")


def kaldi(root: Path) -> None:
    """Two splits in Kaldi's layout: three utterances of two speakers, and one in segments."""
    for name in ("a", "b", "c"):
        write(root / f"wavs/{name}.wav")
    write(root / "train/wav.scp", "a wavs/a.wav\nb wavs/b.wav\nc wavs/c.wav\n")
    write(root / "train/utt2spk", "a anna\nb anna\nc ben\n")
    write(root / "train/text", "a One two\nb TWO\nc\n")
    write(root / "train/utt2emotion", "a sad\nb happy\nc sad\n")
    write(root / "train/spk2gender", "anna f\nben m\n")
    write(root / "train/utt2arousal", "a 0.5\nb 1\nc -2\n")
    write(root / "test/wav.scp", "talk talk.wav\n")
    write(root / "test/talk.wav")
    write(root / "test/segments", "talk-1 talk 0 0.5\ntalk-2 talk 0.5 -1\n")
    write(root / "test/utt2spk", "talk-1 carl\ntalk-2 carl\n")
    write(root / "test/text", "talk-1 four\ntalk-2 five\n")
    write(root / "test/utt2emotion", "talk-1 sad\ntalk-2 happy\n")
    write(root / "test/spk2gender", "carl m\n")
    write(root / "test/utt2arousal", "talk-1 1\ntalk-2 2\n")


SLUE_HEADER = "id|normalized_text|speaker_id|split|sentiment|start_second|end_second"
ANN = "id10059_229vKIG_xrI_00004"


def slue(root: Path) -> None:
    """The owner's archive, of which the train audio was cut by the owner's script too."""
    folder = root / "slue-voxceleb"
    rows = {
        "fine-tune": [
            f"{ANN}|of god what is|id10059|fine-tune|Neutral|0.45|4.52",
            "id10060_a_00001|i love it|id10060|fine-tune|Positive|0.0|1.5",
            "id10060_a_00002|hm|id10060|fine-tune|<mixed>|0.0|1.5",
            "id10060_a_00003|hm|id10060|fine-tune|Disagreement|0.0|1.5",
            "id10060_a_00004|hm|id10060|fine-tune||0.0|1.5",
            "id10060_a_00009|hm|id10060|fine-tune|Neutral|0.0|1.5",
        ],
        "dev": [
            "id10061_b_00001|no|id10061|dev|Negative|0.5|1.25",
            "id10061_b_00002|no|id10061|dev|Negative|1.25|0.5",
            "id10061_b_00003|no|id10061|dev|Negative||1",
            "id10061_b_00004||id10061|dev|Negative|0|1",
            "|no name|id10061|dev|Negative|0|1",
        ],
        "test": ["odd-name|well|id10062|test|Negative|0|1"],
    }
    for name, lines in rows.items():
        write(folder / f"slue-voxceleb_{name}.tsv", tsv(SLUE_HEADER, *lines))
        for line in lines:
            clip = line.split("|")[0]
            if clip not in ("", "id10060_a_00009"):
                write(folder / f"{name}_raw/{clip}.flac", encoded(5 if clip == ANN else 1.5))
    write(folder / f"fine-tune/{ANN}.flac", encoded(4.07))


def captions(*records: object) -> str:
    return json.dumps({"num_captions_per_audio": 1, "data": records})


def record(clip: str, caption: str = "A dog barks.", seconds: float = 1.0) -> dict[str, object]:
    return {"id": clip, "caption": caption, "duration": seconds, "audio": "wav_path"}


def wavcaps(root: Path) -> None:
    """The Hub's tree, unpacked in place; FreeSound's archive holds the folders of its maker."""
    labels = root / "json_files"
    write(
        labels / "AudioSet_SL/as_final.json",
        captions(record("Yb0RFKhbpFJA.wav", "Wind blows."), record("Y-_lackList0.wav")),
    )
    write(labels / "BBC_Sound_Effects/bbc_final.json", captions(record("NHU05093144")))
    write(
        labels / "FreeSound/fsd_final.json",
        captions(
            record("1234", " Rain falls. ", 67109.0),
            record("117790"),
            record("999"),
            record("5", ""),
            {"id": 6, "caption": "An id that is a number."},
            record("7", "half a \ud800 character"),
            "not a record",
        ),
    )
    write(labels / "SoundBible/sb_final.json", captions(record("1234", "A bell rings.")))
    for name, clips in {
        "all_ac": {"AudioSet": ["Y-_lackList0.wav"], "FreeSound": ["117790"]},
        "test_ac": {"AudioSet": [], "FreeSound": []},
    }.items():
        write(labels / f"blacklist/blacklist_exclude_{name}.json", json.dumps(clips))
    zips = root / "Zip_files"
    for path in (
        zips / "AudioSet_SL/Yb0RFKhbpFJA.flac",
        zips / "AudioSet_SL/Y-_lackList0.flac",
        root / "audio/BBC_Sound_Effects/NHU05093144.flac",
        zips / "FreeSound/mnt/data/waveforms/FreeSound_flac/1234.flac",
        zips / "FreeSound/mnt/data/waveforms/FreeSound_flac/117790.flac",
    ):
        write(path, encoded())
    write(root / "waveforms/SoundBible_flac/1234.flac", encoded(0.2))
