"""train.py's command line: the thesis' flags (appendix B) become Hydra overrides."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError, unknown
from .flag_hints import as_meant, groups, unknown_flag
from .literals import as_text, check_single_run, check_value

PACKAGE = Path(__file__).resolve().parents[1]
# in a checkout beside the package, in a wheel inside it
CONF = next(p for p in (PACKAGE / "conf", PACKAGE.parent / "conf") if p.is_dir())

# flag -> the override it stands for
VALUE_FLAGS = {
    "--task": "task",
    "--dataset": "dataset",
    "--experiment_name": "experiment_name",
    "--checkpoint": "init.checkpoint",
    "--freeze": "freeze",
    "--data_dir": "data_dir",
    "--seed": "seed",
}
SWITCHES = {
    "--cuda": "trainer.accelerator=cuda",
    "--resume": "resume=true",
    "--recorded": "recorded=true",
}
OPTIONAL_FLAGS = {"--initialize_weights": ("init.text_model", "google-bert/bert-base-uncased")}
HYDRA_FLAGS = ("-m", "--multirun")
MULTIRUN = frozenset(HYDRA_FLAGS)
SAFE = re.compile(r"[\w./:@+%-]+", re.ASCII)
IN_PATH = {"seed", "dataset.fold", "experiment_name"}  # a run directory's path tells them apart
# what OmegaConf says of a value -> what the user may write there
EXPECTED = {
    r"Value '.*' is not a valid bool": "true or false",
    r"Invalid value assigned: \w+ is not a ListConfig": "a list, as in [a,b]",
    r"field '.*' is not Optional": "a value other than null",
}

HELP = """\
Train SpectroBERT.

  python train.py --task TASK --dataset DATASET [flags] [hydra overrides]

  --task NAME                pre | aqa_binary | aqa_open | classification | ser | ser_multilabel |
                             sentiment | sentiment_regression | dimensional
  --dataset NAME             {datasets}; for pre also several: librispeech+wavcaps
  --experiment_name NAME     the run is written to runs/NAME/seed<k> (default: <dataset>_<task>)
  --initialize_weights [M]   BERT: a Hub name, a folder or a package (default: bert-base-uncased)
  --checkpoint RUN           start from a pre-trained run (runs/NAME/seed<k>) or a model folder
  --freeze PRESET            {presets}
  --data_dir DIR             the corpus lies in DIR/<its name> (default: data)
  --seed N                   weights, order, masks, dropout (default: 0)
  --cuda                     train on the GPU; bf16-mixed from compute capability 8.0, else 16-mixed
  --resume                   continue an interrupted run where it stopped
  --recorded                 with --resume: on its recorded rows although the corpus has changed
  -m                         sweep: seed=1,2,3 optim.lr=1e-5,3e-5

Any option of spectrobert/config/ may stand beside them: model=tiny trainer.epochs=5
optim.lr=3e-4 freeze.train=[head,audio,encoder.-1] dataset.fold=2.
Everything that is not training: python -m spectrobert --help
"""


def options_of(group: str) -> list[str]:
    """Names of the YAML files of a group of conf/."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def choices(group: str) -> list[str]:
    """What may stand behind `group=`."""
    from ..config import TASKS
    from ..corpora import ALIASES, MODULES

    known = {
        "task": list(TASKS),
        "dataset": [*MODULES, *ALIASES],
        "logger": ["csv", "tensorboard", "comet"],
    }
    return known[group] if group in known else options_of(group)


def help_text() -> str:
    """The answer to --help."""
    from ..corpora import MODULES

    return HELP.format(datasets=" | ".join(MODULES), presets=" | ".join(options_of("freeze")))


def quoted(value: str, is_sweep: bool) -> str:
    """A value as Hydra's grammar wants it: quoted unless plain, or a list of a sweep."""
    if (SAFE.fullmatch(value) and value.lower() != "null") or (is_sweep and "," in value):
        return value
    # In its quotes a backslash stands for itself, unless a quote follows
    escaped = re.sub(r"(\\+)(?='|$)", r"\1\1", value).replace("'", r"\'")
    return f"'{escaped}'"


def rewrite(arguments: Sequence[str]) -> list[str]:
    """Flags to Hydra overrides; overrides and Hydra's -m pass through.

    Raises UserError for an unknown flag, a flag without its value, or a word that is neither.
    """
    is_sweep = bool(MULTIRUN & set(arguments))
    rest = list(arguments)
    rewritten: list[str] = []
    while rest:
        word = as_meant(rest.pop(0))
        flag, has_value, value = word.partition("=")
        if not word.startswith("-"):
            if re.match(r"~\w", flag):
                raise UserError(
                    f"{word!r}: no option can be removed; leave {flag[1:]} out for its default"
                )
            if not flag or not has_value:
                raise UserError(
                    f"{word!r} is neither a flag nor an override (key=value); see --help"
                )
            # Every key exists, so Hydra's + can only let a mistyped one through
            rewritten.append(_alias(word.lstrip("+")))
        elif word in HYDRA_FLAGS:
            rewritten.append("--multirun")
        elif flag in SWITCHES:
            if has_value:
                raise UserError(f"{flag} takes no value; it was given {value!r}")
            rewritten.append(SWITCHES[flag])
        elif flag in VALUE_FLAGS:
            if not has_value:
                if not rest or rest[0].startswith("--"):
                    raise UserError(f"{flag} needs a value; see --help")
                value = rest.pop(0)
            check_value(flag, value)
            rewritten.append(_alias(f"{VALUE_FLAGS[flag]}={quoted(value, is_sweep)}"))
        elif flag in OPTIONAL_FLAGS:
            key, default = OPTIONAL_FLAGS[flag]
            if not has_value:
                takes_next = rest and not rest[0].startswith("-") and "=" not in rest[0]
                value = rest.pop(0) if takes_next else default
            check_value(flag, value)
            rewritten.append(f"{key}={quoted(value, is_sweep)}")
        else:
            known = [*VALUE_FLAGS, *SWITCHES, *OPTIONAL_FLAGS, *HYDRA_FLAGS, "--help"]
            raise unknown_flag(flag, known, arguments)
    return rewritten


def _alias(override: str) -> str:
    from ..corpora import ALIASES

    key, _, value = override.partition("=")
    if key != "dataset":
        return override
    return f"dataset={re.sub(r'[^,+]+', lambda name: ALIASES.get(name[0], name[0]), value)}"


def named(overrides: Sequence[str], group: str) -> list[str]:
    """What the overrides choose of a group; several where a sweep runs over it."""
    chosen = [o.partition("=")[2] for o in overrides if o.startswith(f"{group}=")]
    split = [[v.strip("'")] if v.startswith("'") else v.split(",") for v in chosen]
    return [name for names in split for name in names]


def check_groups(overrides: Sequence[str]) -> None:
    """Raise UserError where task or dataset is missing, or a group has no such choice."""
    for group in ("task", "dataset"):
        if not named(overrides, group):
            raise UserError(f"--{group} is missing; choose one of: {', '.join(choices(group))}")
        if named(overrides, f"{group}.name"):
            raise UserError(f"{group}.name is not set by itself; choose with --{group}")
    for group in ("task", "dataset", "model", "freeze", "logger", "experiment"):
        for value in named(overrides, group):
            for part in value.split("+") if group == "dataset" else [value]:
                if part not in choices(group):
                    raise unknown(group, part, choices(group))


def compose(overrides: Sequence[str]) -> Any:
    """The typed configuration for these overrides.

    Raises UserError for an unknown key, a wrong type or a value that a check refuses.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from ..settings.schemas import register

    overrides = _typed(overrides)
    register(named(overrides, "dataset"))
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            composed = hydra_compose("config", list(overrides))
        return OmegaConf.to_object(composed)
    except (HydraException, OmegaConfBaseException) as error:
        raise _one_line(error, overrides) from error


def _typed(overrides: Sequence[str]) -> list[str]:
    """The overrides for Hydra: text stays text, and a checkpoint brings its model."""
    dataset = named(overrides, "dataset")
    return [*as_text(overrides, dataset[-1] if dataset else ""), *_model_from_checkpoint(overrides)]


def _model_from_checkpoint(overrides: Sequence[str]) -> list[str]:
    """A run from a checkpoint has the checkpoint's model, unless the command names one."""
    has_checkpoint = any(named(overrides, "init.checkpoint"))
    names_model = any(re.match(r"[+~]*model[.=]", o) for o in overrides)
    return ["~model"] if has_checkpoint and not names_model else []


def _one_line(error: Exception, overrides: Sequence[str]) -> UserError:
    """Hydra's and OmegaConf's messages, without their stacks and in one line."""
    from hydra.errors import OverrideParseException

    if isinstance(error, OverrideParseException):
        return UserError(
            f"{error.override!r} cannot be read: a bracket or quote is open, or a value with"
            " =, spaces or brackets needs quotes of its own: \"key='a=b'\""
        )
    chain: list[BaseException] = [error]
    while chain[-1].__cause__ is not None:
        chain.append(chain[-1].__cause__)
    text = " ".join(" ".join(str(link).split()) for link in chain)
    missing = re.search(r"Could not override '([^']+)'", text)
    if missing:
        key = missing.group(1)
        return UserError(f"unknown key {key!r}; {_siblings(key, overrides)}")
    wrong = re.search(
        r"(Value '.*?' of type '.*?' could not be converted to [\w\[\]]+).*?full_key: ([\w.]+)",
        text,
    )
    if wrong:
        return UserError(f"{wrong.group(2)}: {wrong.group(1)[0].lower()}{wrong.group(1)[1:]}")
    for reason, allowed in EXPECTED.items():
        refused = re.search(rf"override ([\w.]+=.*?) {reason}", text)
        if refused:
            return UserError(f"{refused.group(1)}: must be {allowed}")
    return UserError(text[:300])


def _siblings(key: str, overrides: Sequence[str]) -> str:
    """The keys that stand beside an unknown one."""
    import dataclasses
    import difflib

    from .. import config
    from . import schemas

    parent, _, name = key.rpartition(".")
    corpus = named(overrides, "dataset")[-1]
    part = parent.partition(".")[2]
    if parent == "model":
        options = schemas.model_class()
    elif parent == "task":
        options = config.TASKS[named(overrides, "task")[-1]]
    elif part in corpus.split("+"):
        options = schemas.part_class(part)
    else:
        options = groups(corpus).get(parent.partition(".")[0], config.Config)
    found = [f.name for f in dataclasses.fields(options)]
    close = difflib.get_close_matches(name, found, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}known: {', '.join(found)}"


def first_of_sweep(overrides: Sequence[str]) -> list[str]:
    """The overrides of a sweep's first job, to check them before any job starts."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    plain = [o for o in overrides if o != "--multirun"]
    first = []
    try:
        for text, override in zip(plain, OverridesParser.create().parse_overrides(plain)):
            if override.is_sweep_override():
                value = next(iter(override.sweep_string_iterator()))
                first.append(f"{override.get_key_element()}={value}")
            else:
                first.append(text)
    except HydraException as error:
        raise _one_line(error, plain) from error
    return first


def main(arguments: Sequence[str], run: Callable[[Any], Any]) -> int:
    """Parse, check, run. Returns the exit code: 0; 2, the user can mend it; 130, interrupted."""
    # The tokenizers' threads do not survive the workers' fork
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if {"-h", "--help"} & set(arguments):
        print(help_text())
        return 0
    try:
        overrides = rewrite(arguments)
        jobs = first_of_sweep(overrides) if "--multirun" in overrides else overrides
        if jobs is overrides:
            check_single_run(overrides)
        check_groups(jobs)
        config = compose(jobs)
        if "--multirun" in overrides:
            _check_devices(config, overrides)
            sweep(overrides, run)
        else:
            run(config)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # a run has logged what it wrote
        return 130
    return 0


def _check_devices(config: Any, overrides: Sequence[str]) -> None:
    """Lightning starts the other processes of a run by the command itself: each would sweep too."""
    if config.trainer.processes > 1 and not named(overrides, "hydra/launcher"):
        raise UserError(
            f"-m with trainer.devices={config.trainer.devices}: a sweep has one device a job here;"
            " add hydra/launcher=submitit_slurm, or call train.py for each job"
        )


def sweep(overrides: Sequence[str], run: Callable[[Any], Any]) -> None:
    """Hand a multirun to Hydra; each job gets a run directory of its own."""
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    from ..config.checks import folder_inside
    from ..settings.schemas import register

    register(named(overrides, "dataset"))
    plain = _typed([o for o in overrides if o != "--multirun"])
    parsed = OverridesParser.create().parse_overrides(plain)
    # Hydra writes the values of its jobs in a form of its own (1e-3 as 0.001): compare the keys
    varied = {o.get_key_element() for o in parsed if o.is_sweep_override()} - IN_PATH

    def job(composed: Any) -> Any:
        config: Any = OmegaConf.to_object(composed)
        chosen = HydraConfig.get().overrides.task
        own_folder = [o for o in chosen if o.partition("=")[0] in varied]
        if own_folder:
            config.experiment_name += "/" + ",".join(own_folder).replace("/", "-")
            folder_inside("experiment_name", config.experiment_name)
        return run(config)

    # Hydra's parser wants its own flag before all overrides
    sys.argv = [sys.argv[0], "--multirun", *plain]
    # What a job raises arrives here, in place of a printed traceback and exit code 1
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        hydra.main(config_path=str(CONF), config_name="config", version_base="1.3")(job)()
    except (HydraException, OmegaConfBaseException) as error:
        raise _one_line(error, plain) from error
