"""Lines that are printed before training: the data and its split, and the parts that train."""

from __future__ import annotations

from .. import terminal
from ..data import class_counts
from ..settings.ineffective import ineffective
from . import leaks, pretrained
from .run import Run


def show_data(run: Run) -> None:
    """Corpus, split, class counts, and options without effect."""
    config, summary = run.config, run.prepared.summary
    sizes = ", ".join(f"{name} {len(rows)}" for name, rows in run.prepared.splits.items())
    run.log(f"{config.task.name} on {config.dataset.name}: {sizes} -> {run.folder}")
    run.log(f"split: {summary.definition}")
    for line in [*ineffective(config), *class_counts.hints(summary.labels, summary.definition)]:
        run.log(line)
    if shared := leaks.caution(config):
        run.log(f"caution: {shared}")


def show_parts(run: Run) -> None:
    """Parts of the model with their numbers of parameters, and the source of the head."""
    frozen = run.frozen
    terminal.print_table(
        run.console,
        ["part", *terminal.numbers("parameters"), "trains"],
        [
            (part, f"{everything:,}", "yes" if some else "frozen")
            for part, (some, everything) in frozen.counts.items()
        ],
        title=f"freeze={frozen.name}",
        title_justify="left",
    )
    run.log(f"{frozen.trainable:,} of {frozen.total:,} parameters train")
    if run.config.init.checkpoint:
        reason = pretrained.why_new_head(run.config.init.checkpoint, run.model.config)
        head = f"random weights ({reason})" if reason else "the checkpoint's"
        run.log(f"head: {head}")
