"""Classes balanced in each epoch, in whole runs: trained, resumed, scored, or refused before."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from spectrobert.data.class_batches import ClassBatches
from spectrobert.data.class_draws import ClassDraws
from spectrobert.data.clips import ReadOptions
from spectrobert.errors import UserError
from spectrobert.run import build, fit, scoring
from spectrobert.run.folder import RunFolder
from spectrobert.run.loaders import DataModule

from ..helpers.runs import finish, silent
from ..helpers.world import configure

SMALL = ("trainer.batch_size=12", "trainer.epochs=1")
BALANCED = ("dataset.balance=batches", *SMALL)
WORDS = {
    "batches": "as many of each class in every one",
    "sampler": "rows drawn with replacement, each class equally likely",
}


@pytest.mark.parametrize("method", ["batches", "sampler"])
def test_a_run_trains_is_resumed_and_is_scored_again(tmp_path, method):
    words = (f"dataset.balance={method}", *SMALL)
    run, results, printed = finish(configure(tmp_path, "ser", *words))
    split = results["split"]
    counts = split["labels"]["train"]
    assert split["balance"] == {"method": method, "before": counts}
    shown = ", ".join(f"{label} {number}" for label, number in sorted(counts.items()))
    assert f"train by {method}, {WORDS[method]}: {shown}" in printed
    assert scoring.evaluate(run.path).to_dict() == results["test"]
    run.results.unlink()
    again = configure(tmp_path, "ser", *words, "trainer.epochs=2", "resume=true")
    assert fit.fit(again, silent())["epochs_run"] == 2


def test_a_small_batch_is_refused_before_anything_is_written(tmp_path):
    config = configure(tmp_path, "ser", *BALANCED, "trainer.batch_size=2")
    with pytest.raises(UserError, match=r"trainer\.batch_size=2: dataset\.balance=batches needs"):
        fit.fit(config, silent())
    assert not RunFolder.of(config).config.exists()


def loaders(folder: Path, method: str) -> DataModule:
    config = configure(folder, "ser", f"dataset.balance={method}", *SMALL)
    prepared = fit.prepare(config, silent())
    words = build.tokenizer(config, prepared.splits["train"]["text"])
    classes = {label: number for number, label in enumerate(prepared.labels)}
    return DataModule(prepared, ReadOptions(words, config.dataset, classes, 0), config.trainer)


def test_training_alone_is_balanced(tmp_path):
    data = loaders(tmp_path, "batches")
    for loader in (data.val_dataloader(), data.test_dataloader()):
        assert not isinstance(loader.batch_sampler, ClassBatches)
    loader = data.train_dataloader()
    num_classes = len(data.prepared.labels)
    each, more = divmod(12, num_classes)
    for batch in loader:
        counts = Counter(batch["label"].tolist())
        assert sorted(counts.values()) == [each] * (num_classes - more) + [each + 1] * more


def test_training_alone_draws_with_replacement(tmp_path):
    data = loaders(tmp_path, "sampler")
    for loader in (data.val_dataloader(), data.test_dataloader()):
        assert not isinstance(loader.batch_sampler, ClassDraws)
    rows = [key.row for batch in data.train_dataloader().batch_sampler for key in batch]
    assert len(rows) == len(data.prepared.splits["train"]) > len(set(rows))


@pytest.mark.parametrize("method", ["batches", "sampler"])
def test_the_loader_continues_at_the_place_of_a_checkpoint(tmp_path, method):
    data = loaders(tmp_path, method)
    current = SimpleNamespace(processed=2, completed=2)
    loop = SimpleNamespace(
        epoch_progress=SimpleNamespace(current=current),
        epoch_loop=SimpleNamespace(
            batch_progress=SimpleNamespace(current=SimpleNamespace(ready=1))
        ),
    )
    whole = data.train_dataloader().batch_sampler
    whole.set_epoch(2)
    resumed = DataModule(data.prepared, data.read_options, data.options)
    resumed.trainer = SimpleNamespace(global_rank=0, world_size=1, fit_loop=loop)
    rest = list(resumed.train_dataloader().batch_sampler)
    assert rest
    assert rest == list(whole)[1:]
