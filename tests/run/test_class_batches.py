"""Class-balanced batches in whole runs: trained, resumed, scored, or refused before anything is."""

from collections import Counter
from types import SimpleNamespace

import pytest

from spectrobert.data.class_batches import ClassBatches
from spectrobert.data.clips import ReadOptions
from spectrobert.errors import UserError
from spectrobert.run import build, fit, scoring
from spectrobert.run.folder import RunFolder
from spectrobert.run.loaders import DataModule

from ..helpers.runs import finish, silent
from ..helpers.world import configure

BALANCED = ("dataset.balance=batches", "trainer.batch_size=12", "trainer.epochs=1")


def test_a_run_trains_is_resumed_and_is_scored_again(tmp_path):
    run, results, printed = finish(configure(tmp_path, "ser", *BALANCED))
    split = results["split"]
    counts = split["labels"]["train"]
    assert split["balance"] == {"method": "batches", "before": counts}
    shown = ", ".join(f"{label} {number}" for label, number in sorted(counts.items()))
    assert f"train by batches, as many of each class in every one: {shown}" in printed
    assert scoring.evaluate(run.path).to_dict() == results["test"]
    run.results.unlink()
    again = configure(tmp_path, "ser", *BALANCED, "trainer.epochs=2", "resume=true")
    assert fit.fit(again, silent())["epochs_run"] == 2


def test_a_small_batch_is_refused_before_anything_is_written(tmp_path):
    config = configure(tmp_path, "ser", *BALANCED, "trainer.batch_size=2")
    with pytest.raises(UserError, match=r"trainer\.batch_size=2: dataset\.balance=batches needs"):
        fit.fit(config, silent())
    assert not RunFolder.of(config).config.exists()


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> DataModule:
    config = configure(tmp_path_factory.mktemp("balanced"), "ser", *BALANCED)
    prepared = fit.prepare(config, silent())
    words = build.tokenizer(config, prepared.splits["train"]["text"])
    classes = {label: number for number, label in enumerate(prepared.labels)}
    return DataModule(prepared, ReadOptions(words, config.dataset, classes, 0), config.trainer)


def test_training_alone_is_balanced(data):
    for loader in (data.val_dataloader(), data.test_dataloader()):
        assert not isinstance(loader.batch_sampler, ClassBatches)
    loader = data.train_dataloader()
    num_classes = len(data.prepared.labels)
    each, more = divmod(12, num_classes)
    for batch in loader:
        counts = Counter(batch["label"].tolist())
        assert sorted(counts.values()) == [each] * (num_classes - more) + [each + 1] * more


def test_the_loader_continues_at_the_place_of_a_checkpoint(data):
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
