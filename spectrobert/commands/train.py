"""train: one run, or a sweep of runs; train.py at the top of the checkout is the same."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import typer

from ..errors import exit_code
from .startup import without_collection

if TYPE_CHECKING:
    from ..config import Config

INDENT = 29
HELP = """\
Train SpectroBERT.

  python train.py --task TASK --dataset DATASET [flags] [hydra overrides]

  --task NAME                {tasks}
  --dataset NAME             {datasets};
                             several for pre and classes: librispeech+wavcaps, ravdess+emodb
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

Any option of spectrobert/config/ may stand next to them: model=tiny trainer.epochs=5
optim.lr=3e-4 freeze.train=[head,audio,encoder.-1] dataset.fold=2.
Everything that is not training: python -m spectrobert --help
"""


def train(context: typer.Context) -> int:
    """Train: train --task ser --dataset ravdess. The same as train.py; train --help lists all."""
    return main(context.args)


def run(config: Config) -> Any:
    """One run. Heavy libraries load after the checks that need none of them."""
    from ..run import admission

    with admission.admitted(config):
        with without_collection():
            from ..run.fit import fit
        from ..terminal import console

        return fit(config, console())


def main(arguments: Sequence[str], run: Callable[[Config], Any] = run) -> int:
    """Parse, check, run. Returns the exit code."""
    if {"-h", "--help"} & set(arguments):
        print(help_text(), end="")
        return 0
    return exit_code(lambda: _train(arguments, run))


def _train(arguments: Sequence[str], run: Callable[[Config], Any]) -> None:
    from ..settings import composition, flags, sweep

    words = flags.rewrite(arguments)
    config = composition.compose(words)
    if "--multirun" in words:
        sweep.sweep(words, config, run)
    else:
        run(config)


def help_text() -> str:
    """The answer to --help."""
    from ..config import TASKS
    from ..corpora import MODULES
    from ..settings.conf import options_of

    names = {"tasks": TASKS, "datasets": MODULES, "presets": options_of("freeze")}
    return HELP.format(**{key: _listed(values) for key, values in names.items()})


def _listed(names: Iterable[str]) -> str:
    """`a | b | c`, on lines of 100."""
    lines = textwrap.wrap(" | ".join(names), 100 - INDENT, break_on_hyphens=False)
    return f"\n{' ' * INDENT}".join(lines)
