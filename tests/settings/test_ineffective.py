"""Options that change nothing in the run at hand are reported, with the reason."""

import pytest

from spectrobert.commands import train
from spectrobert.experiments import campaign, table_spec
from spectrobert.experiments.jobs import Settings
from spectrobert.settings import composition
from spectrobert.settings.ineffective import ineffective

SER = ("task=ser", "dataset=demo", "model=tiny")
CSV = ("task=ser", "dataset=csv", "model=tiny", "dataset.file=a.csv")
PRE = ("task=pre", "dataset=demo", "model=tiny")


@pytest.mark.parametrize("words", [SER, CSV, PRE, ("task=pre", "dataset=librispeech+wavcaps")])
def test_defaults_are_not_reported(words):
    assert ineffective(composition.compose(words)) == []


@pytest.mark.parametrize("name", ["demo", "ser"])
def test_no_table_of_the_project_sets_an_option_in_vain(name):
    for job in campaign.prepare(table_spec.load(name), Settings()).jobs:
        assert ineffective(job.config) == [], job.name


@pytest.mark.parametrize(
    ("words", "option", "reason"),
    [
        (SER, "logger.project=x", "it is of logger=comet, not csv"),
        (SER, "logger.mode=offline", "it is of logger=comet, not csv"),
        ((*SER, "trainer.prefix_cache=off"), "trainer.cache_gb=3.0", "trainer.prefix_cache=off"),
        ((*SER, "trainer.epochs=2"), "task.epochs=7", "trainer.epochs=2 is set"),
        ((*SER, "task.contrastive=1"), "task.focal_gamma=2.0", "task.contrastive=1"),
        ((*SER, "optim.clip=0"), "optim.clip_by=value", "optim.clip=0"),
        (SER, "optim.hold_share=0.3", "it is of optim.schedule=tri_stage, not constant"),
        (SER, "optim.final_scale=0.1", "it is of optim.schedule=tri_stage, not constant"),
        (
            (*SER, "optim.schedule=linear"),
            "optim.plateau_factor=0.9",
            "it is of optim.schedule=plateau, not linear",
        ),
        (SER, "optim.plateau_patience=1", "it is of optim.schedule=plateau, not constant"),
        (SER, "optim.plateau_threshold=0.1", "it is of optim.schedule=plateau, not constant"),
        ((*SER, "init.text_model=b"), "dataset.vocabulary=9", "the vocabulary is that of b"),
        ((*SER, "init.checkpoint=c"), "dataset.vocabulary=9", "the vocabulary is that of c"),
        ((*SER, "dataset.crop=whole"), "dataset.max_seconds=3.0", "dataset.crop=whole"),
        ((*PRE, "task.mismatch_probability=0"), "task.negatives=any", "mismatch_probability=0"),
        (SER, "model.max_frames=64", "model.pad_to_max=false"),
        (SER, "dataset.inner_fold=2", "dataset.inner_folds=0"),
        ((*SER, "dataset.prepared=p"), "dataset.root=r", "dataset.prepared=p is read"),
        ((*SER, "dataset.root=r"), "data_dir=d", "dataset.root"),
        (CSV, "dataset.root=r", "the files are dataset.file"),
        (CSV, "data_dir=d", "the files are dataset.file"),
        (CSV, "dataset.question=q", "task ser does not read it"),
        (CSV, "dataset.targets=[a,b]", "task ser does not read it"),
    ],
)
def test_an_option_without_effect_is_reported(words, option, reason):
    lines = ineffective(composition.compose([*words, option]))
    assert len(lines) == 1
    assert lines[0].startswith(f"{option} has no effect: ")
    assert reason in lines[0]


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ((*SER, "logger=comet"), "logger.project=x"),
        (SER, "trainer.cache_gb=3.0"),
        (SER, "task.epochs=7"),
        ((*SER, "optim.schedule=plateau"), "optim.plateau_factor=0.9"),
        ((*SER, "optim.schedule=tri_stage"), "optim.hold_share=0.3"),
        (SER, "dataset.vocabulary=9"),
        (SER, "dataset.max_seconds=3.0"),
        ((*SER, "model.pad_to_max=true"), "model.max_frames=64"),
        (SER, "dataset.root=r"),
        (SER, "data_dir=d"),
        (CSV, "dataset.text=t"),
        (("task=dimensional", *CSV[1:]), "dataset.targets=[a,b]"),
        (("task=aqa_open", *CSV[1:]), "dataset.question=q"),
    ],
)
def test_an_option_with_an_effect_is_not_reported(words, option):
    assert ineffective(composition.compose([*words, option])) == []


def test_options_of_hydra_itself_are_refused_without_a_sweep(capsys):
    words = ["--task", "ser", "--dataset", "demo", "hydra.run.dir=/tmp/x"]
    assert train.main(words, lambda config: None) == 2
    assert "hydra.run.dir=/tmp/x has no effect without -m" in capsys.readouterr().err


def test_video_is_augmented_for_models_that_see():
    def lines(model: str) -> list[str]:
        words = ["task=ser", "dataset=demo", f"model={model}", "dataset.augment_video=false"]
        return [line for line in ineffective(composition.compose(words)) if "augment_video" in line]

    assert lines("tiny") == ["dataset.augment_video=false has no effect: the model sees no video"]
    assert lines("debug_av_hubert") == []
