"""The order of the data: every row once, the same again when asked again, padded into batches."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning_fabric.utilities.data import _set_sampler_epoch
from torch.utils.data import DataLoader

from spectrobert.audio.segment import Segment
from spectrobert.config import DatasetConfig, PretrainingConfig, TrainerConfig
from spectrobert.corpora.example import Example
from spectrobert.data import vocabulary
from spectrobert.data.batches import POOL, LengthBatches, collate
from spectrobert.data.checks import Skipped
from spectrobert.data.clips import ReadOptions, RowKey, to_arrow
from spectrobert.data.preparation import Prepared
from spectrobert.data.splits import SplitSummary
from spectrobert.models.batch import IGNORED
from spectrobert.run.loaders import DataModule, automatic_workers

from ..helpers.sounds import noise

SECONDS = np.random.default_rng(0).uniform(0.5, 10, 203)  # the last batch is not full
BATCH = 8


def sampler(**more) -> LengthBatches:
    return LengthBatches(
        **({"seconds": SECONDS, "batch_size": BATCH, "seed": 1, "shuffle": True} | more)
    )


def epoch(batches: LengthBatches, number: int = 0) -> list[list[RowKey]]:
    batches.set_epoch(number)
    return list(batches)


def rows(batches: list[list[RowKey]]) -> list[int]:
    return [key.row for batch in batches for key in batch]


@pytest.mark.parametrize("shuffle", [True, False])
def test_every_row_comes_exactly_once(shuffle):
    batches = epoch(sampler(shuffle=shuffle), 3)
    assert sorted(rows(batches)) == list(range(len(SECONDS)))
    assert len(batches) == len(sampler()) == 26
    assert sorted(map(len, batches)) == [3] + [BATCH] * 25


def test_each_epoch_has_its_own_order_and_says_which_it_is():
    orders = [epoch(sampler(), number) for number in range(3)]
    assert len({tuple(rows(batches)) for batches in orders}) == 3
    for number, batches in enumerate(orders):
        assert {key.epoch for batch in batches for key in batch} == {number}


def test_seed_and_epoch_decide_the_order():
    assert epoch(sampler(), 2) == epoch(sampler(), 2)
    assert epoch(sampler(seed=2), 2) != epoch(sampler(), 2)
    used = sampler()
    epoch(used, 0)
    assert epoch(used, 2) == epoch(sampler(), 2)


def test_lengths_are_alike_in_a_batch_and_batches_come_in_any_order():
    batches = epoch(sampler())
    padding = np.mean(
        [SECONDS[[k.row for k in b]].max() - SECONDS[[k.row for k in b]].mean() for b in batches]
    )
    unsorted = SECONDS.reshape(-1, 7)
    assert padding < 0.25 * np.mean(unsorted.max(axis=1) - unsorted.mean(axis=1))
    longest = [SECONDS[[k.row for k in b]].max() for b in batches[:POOL]]
    assert longest != sorted(longest)
    assert longest != sorted(longest, reverse=True)


@pytest.mark.parametrize("shuffle", [True, False])
def test_ranks_share_each_batch(shuffle):
    whole = epoch(sampler(shuffle=shuffle), 4)
    parts = [epoch(sampler(shuffle=shuffle, rank=r, world_size=2), 4) for r in range(2)]
    assert sorted(rows(parts[0]) + rows(parts[1])) == list(range(len(SECONDS)))
    for batch, *shares in zip(whole, *parts, strict=True):
        assert sorted(batch) == sorted(key for share in shares for key in share)


def test_a_resumed_run_skips_exactly_what_is_done():
    whole = epoch(sampler(), 5)
    resumed = sampler()
    resumed.done = (5, 7)
    assert epoch(resumed, 5) == whole[7:]
    assert epoch(resumed, 6) == epoch(sampler(), 6)


def test_evaluation_has_one_order_the_longest_first():
    fixed = sampler(shuffle=False)
    fixed.done = (0, 7)
    first = epoch(fixed, 0)
    assert first == epoch(fixed, 9) == epoch(sampler(shuffle=False, seed=2), 0)
    lengths = SECONDS[rows(first)]
    assert (np.diff(lengths) <= 0).all()
    assert {key.epoch for batch in first for key in batch} == {0}


def test_lightning_reaches_set_epoch():
    loader = DataLoader(range(len(SECONDS)), batch_sampler=sampler(), collate_fn=list)
    _set_sampler_epoch(loader, 6)
    assert loader.batch_sampler.epoch == 6


def item(index: int, samples: int, pieces: int, **more) -> dict:
    ids = np.arange(1, pieces + 1)
    return {"index": index, "waveform": np.ones(samples, np.float32), "input_ids": ids} | more


def test_collate_pads_and_masks():
    bad = Skipped("row7", "7.wav", "missing: No such file")
    batch = collate([item(4, 5, 2, label=1), bad, item(9, 3, 4, label=0)])
    assert batch["unread"] == [bad]
    assert batch["index"].tolist() == [4, 9]
    assert batch["num_samples"].tolist() == [5, 3]
    assert batch["waveform"].tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]
    assert batch["input_ids"].tolist() == [[1, 2, 0, 0], [1, 2, 3, 4]]
    assert batch["text_mask"].tolist() == [[True, True, False, False], [True] * 4]
    assert batch["label"].tolist() == [1, 0]
    assert "matched" not in batch


def test_collate_asks_no_word_where_there_is_none():
    pair = [item(0, 3, n, mlm_labels=np.full(n, 7), matched=n % 2) for n in (2, 3)]
    batch = collate(pair)
    assert batch["mlm_labels"].tolist() == [[7, 7, IGNORED], [7, 7, 7]]
    assert batch["matched"].tolist() == [0, 1]
    assert "label" not in batch
    assert "unread" not in batch


def test_a_batch_of_which_nothing_could_be_read_says_why():
    bad = [Skipped(f"row{i}", f"{i}.wav", "missing: No such file") for i in range(2)]
    assert collate(bad) == {"unread": bad}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Prepared:
    folder = tmp_path_factory.mktemp("batches")
    splits = {}
    for split, count in (("train", 30), ("val", 6), ("test", 6)):
        lengths = np.linspace(0.1, 0.4, count)
        examples = [
            Example(
                id=f"{split}{i}",
                audio=(Segment(noise(folder / f"{split}{i}.wav", i, lengths[i])),),
                text=f"clip number {i} of {split}",
            )
            for i in range(count)
        ]
        splits[split] = to_arrow(examples, lengths.tolist())
    return Prepared(splits, (), SplitSummary("", {}, {}, {}), [], [])


def module(prepared: Prepared, num_workers: int = 0, **options) -> DataModule:
    words = vocabulary.train(prepared.splits["train"]["text"], 100)
    read_options = ReadOptions(words, DatasetConfig(name="csv"), {}, 0, PretrainingConfig())
    trainer = TrainerConfig(batch_size=4, num_workers=num_workers, **options)
    return DataModule(prepared, read_options, trainer)


def same(one: list[dict], other: list[dict]) -> bool:
    return len(one) == len(other) and all(
        a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a) for a, b in zip(one, other)
    )


def test_loaders_serve_their_own_split(prepared):
    data = module(prepared)
    for split in ("train", "val", "test"):
        loader = getattr(data, f"{split}_dataloader")()
        assert loader.batch_sampler.shuffle == loader.dataset.is_training == (split == "train")
        indices = torch.cat([batch["index"] for batch in loader]).tolist()
        assert sorted(indices) == list(range(len(prepared.splits[split])))


def test_batches_of_like_length_are_a_choice(prepared):
    """The rows of the fixture are ordered by length: a batch's rows are near each other, or not."""

    def spread(split: str, **options) -> float:
        batches = getattr(module(prepared, **options), f"{split}_dataloader")().batch_sampler
        return float(np.mean([np.ptp([key.row for key in batch]) for batch in batches]))

    assert spread("train") < 8
    assert spread("train", group_by_length=False) > 12
    assert spread("test", group_by_length=False) == spread("test")


def test_workers_change_nothing(prepared):
    alone, helped = module(prepared), module(prepared, num_workers=2)
    assert same(list(alone.train_dataloader()), list(helped.train_dataloader()))


def test_evaluation_sees_the_same_pairs_and_masks_each_time(prepared):
    loader = module(prepared).val_dataloader()
    first = list(loader)
    _set_sampler_epoch(loader, 1)
    assert same(first, list(loader))


def test_another_epoch_is_another_pass(prepared):
    loader = module(prepared).train_dataloader()
    first = list(loader)
    _set_sampler_epoch(loader, 1)
    assert not same(first, list(loader))


def test_the_training_loader_takes_up_where_the_checkpoint_stood(prepared):
    progress = SimpleNamespace(current=SimpleNamespace(ready=3))
    epochs = SimpleNamespace(current=SimpleNamespace(processed=2, completed=2))
    loop = SimpleNamespace(
        epoch_progress=epochs, epoch_loop=SimpleNamespace(batch_progress=progress)
    )
    whole = module(prepared).train_dataloader()
    _set_sampler_epoch(whole, 2)
    data = module(prepared)
    data.trainer = SimpleNamespace(current_epoch=2, global_rank=0, world_size=1, fit_loop=loop)
    assert same(list(data.train_dataloader()), list(whole)[3:])


def test_a_loader_draws_nothing_from_the_global_generator(prepared):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    list(module(prepared).train_dataloader())
    assert torch.equal(torch.get_rng_state(), before)


def test_automatic_workers_leave_a_core(monkeypatch):
    assert automatic_workers(0) == 0
    assert automatic_workers(7) == 7
    for cores, workers in ((1, 0), (2, 1), (64, 4)):
        monkeypatch.setattr("os.sched_getaffinity", lambda _, n=cores: set(range(n)))
        assert automatic_workers(-1) == workers
