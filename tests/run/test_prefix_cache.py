"""The prefix cache: used if it changes nothing, the same numbers with it and without."""

import csv
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from spectrobert.commands.cache import cache
from spectrobert.config import Config
from spectrobert.data.checks import Skipped
from spectrobert.data.clips import RowKey
from spectrobert.errors import UserError
from spectrobert.models import freezing
from spectrobert.models.model import FrozenPrefix, Model
from spectrobert.models.spectrobert import SpectroBert
from spectrobert.run import build, curves, fit
from spectrobert.run.folder import RESULTS, RunFolder
from spectrobert.run.loaders import DataModule
from spectrobert.run.prefix_cache import fill, keys, plan, storage
from spectrobert.run.prefix_cache import open as opening
from spectrobert.settings import composition

from ..helpers.runs import checkpoint, kill_at, silent, start, trained
from ..helpers.world import configure, data_dir, overrides, train_py, verb

LAST = "freeze=ser-frz-nolast"
HEAD = "freeze=bin-frz"


@pytest.fixture
def own_prefix(tmp_path, monkeypatch) -> Path:
    """A folder of entries for this test alone."""
    folder = tmp_path / "prefix"
    monkeypatch.setattr(storage, "folder", lambda: folder)
    return folder


def begin(config: Config) -> tuple[SpectroBert, DataModule]:
    """Model and loaders, as `fit` has them when it opens the prefix cache."""
    prepared = fit.prepare(config, silent(400))
    words = build.tokenizer(config, prepared.splits["train"]["text"])
    settings = build.model_config(config, len(words), prepared.labels)
    torch.manual_seed(config.seed)
    model = build.model(config, settings)
    freezing.freeze(model, config.freeze.train, config.freeze.name)
    return model, build.datamodule(config, prepared, words, settings)


def open_of(config: Config) -> tuple[opening.PrefixSummary, DataModule, str]:
    """The prefix of a run, its loaders, and what was printed."""
    model, data = begin(config)
    console = silent(400)
    return (
        opening.open_prefix(config, model, data, "32-true", console),
        data,
        console.file.getvalue(),
    )


def loops(folder: Path) -> dict[str, list[tuple[int, float]]]:
    names = {name for _, _, name, _ in curves.read(folder / "metrics.csv")}
    return {name: curves.curve(folder / "metrics.csv", name) for name in names}


def predictions(folder: Path) -> list[dict[str, str]]:
    with (folder / "predictions.csv").open() as file:
        return list(csv.DictReader(file))


# Same numbers


@pytest.mark.parametrize(
    ("task", "epochs", "more", "kept"),
    [
        ("ser", 6, (HEAD,), "h_[CLS]"),
        ("ser", 6, (LAST,), "hidden states before encoder.1"),
        ("aqa_binary", 9, ("freeze.train=[head,encoder]",), "hidden states before encoder.0"),
        ("ser", 6, (LAST, "model.architecture=late_fusion"), "hidden states before encoder.1"),
    ],
)
def test_the_same_losses_metrics_and_predictions(own_prefix, tmp_path, task, epochs, more, kept):
    """50 steps and more, with dropout in what trains: its masks are drawn alike."""
    found = {}
    for mode in ("off", "auto"):
        quick = ("trainer.batch_size=4", f"trainer.epochs={epochs}", f"experiment_name={mode}")
        config = configure(tmp_path, task, *more, *quick, f"trainer.prefix_cache={mode}")
        console = silent(400)
        results = fit.fit(config, console)
        found[mode] = (RunFolder.of(config).path, results, console.file.getvalue())
    (plain, plain_results, _), (cached, results, printed) = found["off"], found["auto"]
    assert results["prefix_cache"]["used"]
    assert results["prefix_cache"]["what"] == kept
    assert results["prefix_cache"]["filled"]
    assert f"prefix cache: computing {kept} of" in printed
    assert not plain_results["prefix_cache"]["used"]

    expected, given = loops(plain), loops(cached)
    assert expected.keys() == given.keys() >= {"train/loss", "val/loss", "val/accuracy"}
    assert len(expected["train/loss"]) >= 50
    assert len({value for _, value in expected["train/loss"]}) >= 50
    for name, curve in expected.items():
        assert [step for step, _ in given[name]] == [step for step, _ in curve]
        # One of 1600 pairs of clips, scored alike but for rounding, may change places
        pair = 1e-3 if name.endswith("auroc") else 0.0
        np.testing.assert_allclose(
            [v for _, v in given[name]], [v for _, v in curve], rtol=1e-5, atol=pair, err_msg=name
        )
    for name, value in plain_results["test"]["metrics"].items():
        pair = 1e-3 if name == "auroc" else 0.0
        assert results["test"]["metrics"][name] == pytest.approx(value, rel=1e-5, abs=pair), name
    for row, other in zip(predictions(plain), predictions(cached), strict=True):
        assert (row["id"], row["prediction"]) == (other["id"], other["prediction"])
        assert float(row["p_prediction"]) == pytest.approx(float(other["p_prediction"]), abs=2e-6)


@pytest.mark.parametrize(
    "geometry",
    [
        (),
        ("model.pad_to_max=true",),
        (
            "model.patch=[16,16]",
            "model.stride=[10,10]",
            "model.conv_kernels=[10,3,3,3,3,2]",
            "model.conv_strides=[5,2,2,2,2,2]",
        ),
    ],
)
def test_batches_are_the_plain_ones_with_the_frozen_part_behind_them(
    own_prefix, tmp_path, geometry
):
    config = configure(tmp_path, "ser", LAST, *geometry)
    model, plain = begin(config)
    summary, cached, _ = open_of(config)
    prefix = model.eval().frozen_prefix()
    assert prefix.depth == 1
    batches = list(zip(plain.train_dataloader(), cached.train_dataloader(), strict=True))
    assert len(batches) == 3
    for batch, encoded in batches:
        assert torch.equal(batch["index"], encoded["index"])
        assert torch.equal(batch["label"], encoded["label"])
        assert torch.equal(batch["text_mask"], encoded["text_mask"])
        with torch.no_grad():
            words, word_mask, sounds, sound_mask = model.run_frozen(batch, prefix)
        hidden = torch.cat([words, sounds], dim=1)
        mask = torch.cat([word_mask, sound_mask], dim=1)
        assert torch.equal(word_mask, encoded["text_mask"])
        assert torch.equal(sound_mask, encoded["audio_mask"])
        assert encoded["hidden"].shape == hidden.shape
        torch.testing.assert_close(encoded["hidden"][mask], hidden[mask], rtol=1e-5, atol=5e-6)
        assert not encoded["hidden"][~mask].any()
    assert summary.rows == 235


def test_a_second_run_reads_no_audio(own_prefix, tmp_path, monkeypatch):
    def none(*args, **more):
        raise AssertionError("audio was read")

    trained(tmp_path, "ser", HEAD, "trainer.epochs=1")
    monkeypatch.setattr("spectrobert.audio.io.read_clip", none)
    again = configure(tmp_path, "ser", HEAD, "trainer.epochs=1", "experiment_name=again")
    results = fit.fit(again, silent(400))
    assert results["prefix_cache"]["used"]
    assert not results["prefix_cache"]["filled"]


# Where it would change results


@pytest.mark.parametrize(
    ("task", "more", "reason"),
    [
        ("ser", (HEAD, "trainer.prefix_cache=off"), "trainer.prefix_cache=off"),
        ("pre", ("freeze.train=[head]",), "drawn again in every epoch"),
        ("ser", ("freeze=none",), "the audio encoder trains"),
        ("ser", ("freeze=bin-frz-noaudio",), "the audio encoder trains"),
        ("ser", ("freeze.train=[head,embeddings]",), "the embeddings train"),
        ("ser", (HEAD, "dataset.crop=random", "dataset.max_seconds=1"), "dataset.crop=random"),
        ("ser", (HEAD, "trainer.max_steps=2"), "trainer.max_steps=2 is less than one epoch"),
        ("ser", (LAST, "trainer.cache_gb=0"), "more than trainer.cache_gb=0"),
    ],
)
def test_it_is_off_with_a_reason(own_prefix, tmp_path, task, more, reason):
    summary, data, printed = open_of(configure(tmp_path, task, *more))
    assert not summary.used
    assert reason in summary.reason
    assert printed.count("\n") == 1
    assert printed.startswith("prefix cache: off: ")
    assert reason in printed
    assert not data.encoded
    assert not list(own_prefix.glob("*/")) if own_prefix.exists() else True


def csv_run(tmp_path: Path, *more: str, copies: int = 1) -> Config:
    """A run on nine clips of the demo corpus, three per split, each `copies` times."""
    begin(configure(tmp_path, "ser"))  # the demo corpus is on disk
    clips = sorted(data_dir().rglob("ser-test-*.flac"))[:9]
    (tmp_path / "clips").mkdir(exist_ok=True)
    rows = ["audio,text,label,split,speaker"]
    for number, clip in enumerate(clips):
        path = tmp_path / "clips" / clip.name
        if not path.exists():
            shutil.copy(clip, path)
        split, label = ("train", "val", "test")[number % 3], "ab"[number // 3 % 2]
        rows += [f"{path},words {copy % 2},{label},{split},{split}" for copy in range(copies)]
    (tmp_path / "table.csv").write_text("\n".join(rows) + "\n")
    of_demo = ("dataset=demo", "dataset.size=0.05")
    rest = [word for word in overrides(tmp_path, "ser") if word not in of_demo]
    corpus = ("dataset=csv", f"dataset.file={tmp_path / 'table.csv'}")
    return composition.compose([*rest, *corpus, *more])


def test_random_crops_are_a_reason_if_a_clip_may_be_longer(own_prefix, tmp_path):
    assert open_of(configure(tmp_path, "ser", HEAD, "dataset.crop=random"))[0].used
    known = (HEAD, "dataset.crop=random", "dataset.max_seconds=9")
    assert open_of(csv_run(tmp_path, *known))[0].used
    summary, data, _ = open_of(csv_run(tmp_path, *known, "dataset.check=none"))
    assert "the lengths of 9 clips are unknown (dataset.check=none)" in summary.reason
    assert not data.encoded


@pytest.mark.parametrize(("crop", "columns"), [("center", 56), ("whole", 512)])
def test_a_clip_of_unknown_length_is_planned_as_the_longest(own_prefix, tmp_path, crop, columns):
    options = (LAST, "dataset.check=none", f"dataset.crop={crop}", "dataset.max_seconds=9")
    model, data = begin(csv_run(tmp_path, *options))
    clips = keys.distinct(data.prepared, data.read_options)
    assert not clips.seconds.any()
    tokens = clips.num_words.sum() + 9 * columns  # of 16 frames: 898 in 9 s
    prefix = model.frozen_prefix()
    assert prefix.widths == (32, 32)
    assert keys.num_values(clips, model, prefix, data.read_options) == 32 * tokens


def test_one_vector_per_clip_is_planned_as_one(own_prefix, tmp_path):
    model, data = begin(csv_run(tmp_path, HEAD))
    clips = keys.distinct(data.prepared, data.read_options)
    prefix = model.frozen_prefix()
    assert keys.num_values(clips, model, prefix, data.read_options) == 32 * 9


def test_a_full_disk_is_a_reason(own_prefix, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    summary, _, _ = open_of(configure(tmp_path, "ser", LAST))
    assert "has 0.0 GB free" in summary.reason


def test_a_cache_folder_that_cannot_be_written_is_a_reason(own_prefix, tmp_path):
    own_prefix.touch()  # a file stands where the folder should be
    summary, data, _ = open_of(configure(tmp_path, "ser", HEAD))
    assert "File exists" in summary.reason
    assert not data.encoded


def test_a_disk_that_fills_up_is_a_reason_and_leaves_nothing(own_prefix, tmp_path, monkeypatch):
    def full(path, content):
        if path.suffix == storage.SUFFIX:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "write_whole", full)
    summary, data, _ = open_of(configure(tmp_path, "ser", HEAD))
    assert "No space left on device" in summary.reason
    assert not data.encoded
    assert not list(own_prefix.iterdir())


# What an entry goes by


def path_of(config: Config, layer: int = 0, step: float = 0.0) -> Path:
    """The entry of a run; with `step` one weight of a layer is another."""
    model, data = begin(config)
    with torch.no_grad():
        model.encoder.layer[layer].output.dense.bias[3] += step
    return planned(config, model, data)


def planned(config: Config, model: Model, data: DataModule) -> Path:
    """The entry of a run that `begin` gave."""
    prefix = model.frozen_prefix()
    assert isinstance(prefix, FrozenPrefix)
    return plan.make(config, model, data, "32-true", prefix).path


def test_what_alters_a_frozen_value_gives_another_entry(own_prefix, tmp_path):
    base = path_of(configure(tmp_path, "ser", LAST))
    others = [
        path_of(configure(tmp_path, "ser", LAST, *more))
        for more in (
            (HEAD,),
            ("seed=1",),  # other random weights
            ("model.audio_std=4.5",),
            ("model.pad_to_max=true",),
            ("dataset.max_seconds=1",),
            ("dataset.max_seconds=1", "dataset.crop=whole"),
            ("dataset.max_seconds=1", "dataset.crop=center"),
            ("dataset.silence_audio=true",),
            ("dataset.max_text_length=5",),
            ("dataset.size=0.06",),
        )
    ]
    others.append(path_of(configure(tmp_path, "ser", LAST), step=1e-6))
    assert len({base, *others}) == 1 + len(others)


def test_what_alters_none_is_shared(own_prefix, tmp_path):
    base = path_of(configure(tmp_path, "ser", LAST))
    for more in (
        ("optim.lr=0.1",),
        ("trainer.batch_size=3",),
        ("trainer.epochs=9",),
        ("model.head_dropout_prob=0.5",),
    ):
        assert path_of(configure(tmp_path, "ser", LAST, *more)) == base, more
    trains = path_of(configure(tmp_path, "ser", LAST), layer=1, step=1.0)
    assert trains == base


def test_other_splits_of_the_same_rows_share_an_entry(own_prefix, tmp_path):
    model, data = begin(config := configure(tmp_path, "ser", LAST))
    base = planned(config, model, data)
    splits = data.prepared.splits
    data.prepared = replace(
        data.prepared, splits=splits | {"val": splits["test"], "test": splits["val"]}
    )
    assert planned(config, model, data) == base
    data.prepared = replace(data.prepared, splits=splits | {"val": splits["test"]})
    assert planned(config, model, data) != base


def test_a_changed_audio_file_gives_another_entry(own_prefix, tmp_path):
    config = csv_run(tmp_path, HEAD)
    base = path_of(config)
    assert path_of(config) == base
    os.utime(sorted((tmp_path / "clips").iterdir())[0], ns=(0, 0))
    assert path_of(config) != base


def test_pairs_are_numbered_alike_whatever_the_times_of_files(own_prefix, tmp_path):
    """Batches of the pass that fills an entry decide the last bits of its values."""
    config = csv_run(tmp_path, HEAD, copies=2)
    found = []
    for time in (0, 1):
        for path in (tmp_path / "clips").iterdir():
            os.utime(path, ns=(time, time))
        _, data = begin(config)
        found.append(keys.distinct(data.prepared, data.read_options))
    before, after = found
    assert (after.first, len(after)) == (before.first, 18)
    assert not set(after.keys) & set(before.keys)


def test_what_is_heard_and_read_twice_is_computed_once(own_prefix, tmp_path, monkeypatch):
    seen: list[int] = []
    real = SpectroBert.run_frozen
    monkeypatch.setattr(
        SpectroBert,
        "run_frozen",
        lambda m, b, p: (seen.extend(b["index"].tolist()), real(m, b, p))[1],
    )
    summary, data, _ = open_of(csv_run(tmp_path, HEAD, copies=5))
    assert summary.rows == 45
    assert summary.pairs == 18  # nine clips, two texts
    assert sorted(seen) == list(range(18))
    rows = data.encoded["train"].__getitems__([RowKey(0, row) for row in range(5)])["hidden"]
    assert torch.equal(rows[0], rows[2])
    assert not torch.equal(rows[0], rows[1])


@pytest.fixture
def unreadable(monkeypatch) -> set[int]:
    """Pairs whose file cannot be read while the entry is filled."""
    real, pairs = fill.FirstRows.__getitem__, set()
    bad = Skipped("first row", "clip.wav", "missing: Input/output error")
    monkeypatch.setattr(
        fill.FirstRows,
        "__getitem__",
        lambda rows, pair: bad if pair in pairs else real(rows, pair),
    )
    return pairs


def test_rows_that_cannot_be_read_are_left_out_and_named(own_prefix, tmp_path, unreadable):
    unreadable.add(7)
    config = configure(tmp_path, "ser", LAST, "trainer.batch_size=1")
    summary, data, printed = open_of(config)
    assert summary.unreadable == 1
    assert "1 of them unreadable and left out" in printed
    split, row = next(
        (s, int(np.argmax(r.pairs == 7))) for s, r in data.encoded.items() if 7 in r.pairs
    )
    row_id = data.prepared.splits[split]["id"][row]
    unread = [Skipped(row_id, "clip.wav", "missing: Input/output error")]
    assert data.encoded[split].__getitems__([RowKey(0, row)]) == {"unread": unread}
    other = (row + 1) % 35
    batch = data.encoded[split].__getitems__([RowKey(0, row), RowKey(0, other)])
    assert batch["unread"] == unread
    assert batch["index"].tolist() == [other]
    assert len(batch["hidden"]) == len(batch["label"]) == 1


def stored(data: DataModule) -> np.ndarray:
    """The values of all pairs, in their order."""
    entry = data.encoded["train"].entry
    return np.concatenate(entry.values(np.arange(len(entry))))


def test_what_could_not_be_read_is_tried_again_by_the_next_run(own_prefix, tmp_path, unreadable):
    config = configure(tmp_path, "ser", HEAD)
    unreadable |= {7, 8}
    first, lacking, _ = open_of(config)
    before = lacking.encoded["train"].entry
    assert before.missing.tolist() == [7, 8]
    unreadable.discard(8)
    assert open_of(config)[0].unreadable == 1
    unreadable.clear()
    second, data, printed = open_of(config)
    assert (second.folder, second.unreadable) == (first.folder, 0)
    assert f"{second.pairs - 1} of them computed before" in printed
    after = data.encoded["train"].entry
    assert after.is_complete
    ninth = np.array([9])
    assert np.array_equal(before.values(ninth), after.values(ninth))  # a run that reads it goes on
    third, _, printed = open_of(config)
    assert not third.filled
    assert "computing" not in printed


def test_too_many_that_cannot_be_read_are_refused(own_prefix, tmp_path, unreadable):
    unreadable |= set(range(30))
    config = configure(tmp_path, "ser", HEAD)
    with pytest.raises(UserError, match=r"max_skipped=0\.05 allows; the first: clip\.wav"):
        open_of(config)
    unreadable.clear()
    summary, _, printed = open_of(config)
    assert summary.unreadable == 0
    assert f"{summary.pairs - 30} of them computed before" in printed


# Faults


@pytest.fixture
def small_shards(monkeypatch) -> None:
    """One shard per batch."""
    monkeypatch.setattr(storage, "SHARD_BYTES", 0)


def flip(path: Path, at: int) -> None:
    """Change a bit of a byte, counted from the end if `at` is negative."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def flip_index(path: Path) -> None:
    """Change the first number behind the header."""
    flip(path, 8 + int.from_bytes(path.read_bytes()[:8], "little"))


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda path: flip(path, 3), "header"),  # its length
        (lambda path: flip(path, 20), "damaged"),  # a name in it
        (flip_index, "the checksum of its index is wrong"),
        (lambda path: os.truncate(path, 4000), "not fully covered"),
        (lambda path: path.write_bytes(b""), "header"),
        (lambda path: path.unlink(), ""),
    ],
)
def test_a_damaged_shard_is_computed_again_and_no_other(
    own_prefix, tmp_path, small_shards, damage, fault
):
    config = configure(tmp_path, "ser", HEAD)
    first, data, _ = open_of(config)
    values = stored(data)
    shard = sorted(Path(first.folder).glob("*.safetensors"))[3]
    damage(shard)
    is_gone = not shard.exists()
    second, data, printed = open_of(config)
    assert (f"{shard} is damaged" in printed) != is_gone
    assert fault in printed
    assert f"{first.pairs - 16} of them computed before" in printed
    assert second.filled
    assert np.array_equal(values, stored(data))


def test_damaged_values_are_never_used(own_prefix, tmp_path, small_shards):
    """Opening does not read them: they are compared when they are needed."""
    config = configure(tmp_path, "ser", HEAD)
    first, data, _ = open_of(config)
    values = stored(data)
    shard = sorted(Path(first.folder).glob("*.safetensors"))[3]
    flip(shard, -1)
    again, data, printed = open_of(config)
    assert not again.filled
    with pytest.raises(UserError, match=r"000003\.safetensors was damaged .* with --resume"):
        stored(data)
    _, data, printed = open_of(config)
    assert f"{first.pairs - 16} of them computed before" in printed
    assert np.array_equal(values, stored(data))


def test_an_interrupted_fill_goes_on_where_it_stopped(
    own_prefix, tmp_path, monkeypatch, small_shards
):
    config = configure(tmp_path, "ser", LAST)
    whole, data, _ = open_of(config)
    expected = stored(data)
    shutil.rmtree(whole.folder)

    seen: list[int] = []
    real = SpectroBert.run_frozen

    def counted(model, batch, prefix):
        if len(seen) == 4:
            raise KeyboardInterrupt
        seen.append(len(batch["index"]))
        return real(model, batch, prefix)

    monkeypatch.setattr(SpectroBert, "run_frozen", counted)
    with pytest.raises(KeyboardInterrupt):
        open_of(config)
    folder = Path(whole.folder)
    assert len(list(folder.glob("*.safetensors"))) == 4
    half = folder / ".000004.safetensors.77"  # as after SIGKILL in the middle of a write
    half.write_bytes(b"half a shard")

    seen.append(0)  # past the interruption
    summary, data, printed = open_of(config)
    assert "(235 rows), 64 of them computed before" in printed
    assert sum(seen) == 235
    assert summary.filled
    assert np.array_equal(expected, stored(data))
    assert not half.exists()


def test_two_runs_at_once_compute_it_once(tmp_path, monkeypatch):
    monkeypatch.setenv("SPECTROBERT_CACHE", str(tmp_path / "cache"))
    words = overrides(tmp_path, "ser", LAST, "trainer.epochs=1", "trainer.batch_size=1")
    processes = [start([*words, f"experiment_name=run{n}"]) for n in range(2)]
    printed = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], printed
    found = [
        json.loads((tmp_path / "runs" / f"run{n}" / "seed0" / "results.json").read_text())
        for n in range(2)
    ]
    assert all(results["prefix_cache"]["used"] for results in found)
    assert sorted(results["prefix_cache"]["filled"] for results in found) == [False, True]
    assert found[0]["test"] == found[1]["test"]


# Checkpoints


def test_killed_and_resumed_is_as_uninterrupted(tmp_path):
    def arguments(name: str) -> list[str]:
        more = (LAST, "trainer.epochs=4", "trainer.batch_size=4", "trainer.checkpoint_minutes=0")
        return overrides(tmp_path, "ser", *more, f"experiment_name={name}")

    whole, killed = (tmp_path / "runs" / name / "seed0" for name in ("whole", "killed"))
    done = train_py(*arguments("whole"))
    assert done.returncode == 0, done.stderr
    kill_at(start(arguments("killed")), killed / "metrics.csv", 13)
    assert not (killed / "results.json").exists()
    done = train_py(*arguments("killed"), "--resume")
    assert done.returncode == 0, done.stderr

    assert loops(whole) == loops(killed)
    assert predictions(whole) == predictions(killed)
    states = [checkpoint(folder)["state_dict"] for folder in (whole, killed)]
    for key, value in states[0].items():
        assert torch.equal(value, states[1][key]), key


def test_a_checkpoint_holds_what_trains(own_prefix, tmp_path):
    config = configure(tmp_path, "ser", LAST, "trainer.epochs=1")
    fit.fit(config, silent(400))
    folder = RunFolder.of(config).path
    saved = checkpoint(folder)["state_dict"]
    assert saved
    assert all(name.startswith(("model.head.", "model.encoder.layer.1.")) for name in saved)
    exported = SpectroBert.from_pretrained(folder / "model").state_dict()
    best = checkpoint(folder, "best")["state_dict"]
    initial, _ = begin(config)
    for name, value in exported.items():
        assert torch.equal(value, best.get(f"model.{name}", initial.state_dict()[name])), name


def test_resuming_on_other_frozen_weights_is_refused(own_prefix, tmp_path, monkeypatch):
    config = configure(tmp_path, "ser", LAST, "trainer.epochs=1")
    fit.fit(config, silent(400))
    (RunFolder.of(config).path / RESULTS).unlink()
    real = build.model

    def changed(*arguments):
        model = real(*arguments)
        with torch.no_grad():
            model.encoder.layer[0].output.dense.bias[3] += 1e-3
        return model

    monkeypatch.setattr(build, "model", changed)
    config.resume, config.trainer.epochs = True, 2
    with pytest.raises(UserError, match="frozen weights are not those that this run was begun"):
        fit.fit(config, silent(400))


# Entries as a user sees them


def test_entries_are_listed_and_removed(own_prefix, tmp_path, capsys):
    summary, _, _ = open_of(configure(tmp_path, "ser", HEAD))
    stopped = shutil.copytree(summary.folder, own_prefix / "stopped")
    next(stopped.glob("*.safetensors")).unlink()
    (own_prefix / "strange").mkdir()
    cache()
    shown = capsys.readouterr().out
    assert f"{summary.folder}  demo: h_[CLS]\n" in shown
    assert f"{stopped}  demo: h_[CLS], 0 of {summary.pairs} clips and texts\n" in shown
    assert "strange  damaged" in shown
    assert shown.splitlines()[-1].startswith(f"3 in {own_prefix}")
    cache(clear=True, unused_days=1)
    assert "removed 0" in capsys.readouterr().out
    assert Path(summary.folder).exists()
    cache(clear=True)
    assert "removed 3" in capsys.readouterr().out
    assert not list(own_prefix.iterdir())
    cache()
    assert capsys.readouterr().out.startswith("nothing")


def test_the_verb_is_there():
    done = verb("cache", "--help")
    assert done.returncode == 0
    assert "--unused_days" in done.stdout
