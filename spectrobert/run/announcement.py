"""Lines that are printed before training: data and split, rows left out, parts that train."""

from collections import Counter
from collections.abc import Iterator, Mapping

from .. import terminal
from ..data import class_counts, votes
from ..data.balance import DRAWN
from ..data.clips import columns
from ..settings.ineffective import ineffective
from ..tasks import optimisers
from . import build, leaks, normalisation, pretrained, spoken_words, weights
from .run import Run

MOST_ANSWERS = 5  # that are named
SkippedRow = tuple[str, str, str]  # id, recording, fault


def show_data(run: Run) -> None:
    """Corpus and split, and how its spectrograms are normalised."""
    show_corpus(run, normalisation.adaptation(run.model.config))
    if words := spoken_words.summary(run.prepared, run.model.config):
        run.log(words)


def show_corpus(run: Run, adaptation: str) -> None:
    """Corpus, split, class counts, and options without effect.

    Args:
        adaptation: how speakers are adapted to; "" if they are not.
    """
    config, summary = run.config, run.prepared.summary
    sizes = ", ".join(f"{name} {len(rows)}" for name, rows in run.prepared.splits.items())
    run.log(f"{config.task.name} on {config.dataset.name}: {sizes} -> {run.folder}")
    run.log(f"split: {summary.definition}")
    if build.learns_votes(config):
        train = columns(run.prepared.splits["train"], "votes")["votes"]
        voted = votes.num_voted(train, run.prepared.labels)
        run.log(f"targets: votes of annotators, of {voted} of {len(train)} training rows")
    for line in [*ineffective(config), *class_counts.hints(summary.labels, summary.definition)]:
        run.log(line)
    if adaptation:
        run.log(f"caution: {adaptation}")
    if shared := leaks.caution(config):
        run.log(f"caution: {shared}")
    if heard := leaks.heard_rows(config, run.prepared, run.split):
        run.log(f"caution: {heard}")
    if heard := leaks.heard_rows(config, run.prepared, "val"):
        run.log(f"note: {heard}, by which the epoch is chosen")


def show_parts(run: Run) -> None:
    """Parts of the model with their numbers of parameters, and the source of the head."""
    frozen = run.frozen
    terminal.print_table(
        run.console,
        ["part", *terminal.numbers("parameters"), "trains"],
        [
            (part, f"{everything:,}", "yes" if some else "frozen")
            for part, (some, everything) in frozen.counts.items()
            if everything  # such as a pooling without weights
        ],
        title=f"freeze={frozen.name}",
        title_justify="left",
    )
    run.log(f"{frozen.trainable:,} of {frozen.total:,} parameters train")
    rates = run.config.optim.lr_of
    for name in optimisers.idle_rates(run.model, rates):
        run.log(f"optim.lr_of.{name}={rates[name]} has no effect: nothing that it names trains")
    for option, source in weights.names(run.config).items():
        given = f"weights of {source}" if source else "random weights"
        run.log(f"{option.replace('_model', '')} encoder: {given}")
    if run.config.init.checkpoint:
        reason = pretrained.why_new_head(run.config.init.checkpoint, run.model.config)
        head = f"random weights ({reason})" if reason else "the checkpoint's"
        run.log(f"head: {head}")


def show_left_out(run: Run) -> list[SkippedRow]:
    """Log how many rows are left out or cut, and why. Returns them for skipped.csv."""
    config, unused = run.config, show_unused(run)
    texts, clips = list(_cut_texts(run)), list(_cut_clips(run))
    if texts:
        run.log(
            f"{len(texts)} texts are longer than dataset.max_text_length="
            f"{config.dataset.max_text_length} word pieces and are cut, listed in skipped.csv"
        )
    if clips:
        heard = run.model.config
        run.log(
            f"{len(clips)} clips are longer than the {heard.max_seconds:.2f} s that the"
            f" model hears ({build.seconds_option(heard)}) and are cut, listed in skipped.csv"
        )
    skipped = len(run.prepared.skipped)
    return [*unused[:skipped], *texts, *clips, *unused[skipped:]]


def show_unused(run: Run) -> list[SkippedRow]:
    """Log how many rows are left out before training, and why. Returns them for skipped.csv."""
    prepared = run.prepared
    _report_answers(run)
    if balance := prepared.summary.more.get("balance"):
        run.log(_balance_line(**balance))
    for reason, count in Counter(row.reason for row in prepared.dropped).most_common():
        run.log(f"left out {count} rows: {reason}")
    if prepared.skipped:
        run.log(f"skipped {len(prepared.skipped)} unusable files, listed in {run.folder.skipped}")
    dropped = [(row.what, "", row.reason) for row in prepared.dropped]
    return [*prepared.skipped, *dropped]


def _balance_line(
    method: str, before: Mapping[str, int], after: Mapping[str, int] | None = None
) -> str:
    """Rows of each class in train; without `after` it is what an epoch draws that is balanced."""
    if after is None:
        counts = ", ".join(f"{label} {number}" for label, number in before.items())
        return f"train by {method}, {DRAWN[method]}: {counts}"
    changes = (f"{label} {number} -> {after[label]}" for label, number in before.items())
    return f"train by {method}: {', '.join(changes)}"


def _report_answers(run: Run) -> None:
    for split, answers in run.prepared.unseen_rows.items():
        shown = ", ".join(sorted(answers, key=lambda answer: -answers[answer])[:MOST_ANSWERS])
        more = ", ..." if len(answers) > MOST_ANSWERS else ""
        run.log(
            f"{sum(answers.values())} rows of {split} have answers that train lacks and count as"
            f" wrong: {shown}{more}"
        )


def _cut_texts(run: Run) -> Iterator[SkippedRow]:
    """Rows whose text does not fit."""
    limit = run.config.dataset.max_text_length
    for rows in run.prepared.splits.values():
        table = columns(rows, "id", "text")
        for number, text in enumerate(table["text"].to_pylist()):
            # a word piece has a character at least: only texts of more characters are looked at
            if len(text) > limit - 2 and (pieces := len(run.tokenizer(text)["input_ids"])) > limit:
                row_id = table["id"][number].as_py()
                yield row_id, "", f"text cut from {pieces} to {limit} word pieces"


def _cut_clips(run: Run) -> Iterator[SkippedRow]:
    """Clips that crop=whole cannot keep whole."""
    if run.config.dataset.crop != "whole":
        return
    limit = run.data.read_options.model_seconds
    for rows in run.prepared.splits.values():
        table = columns(rows, "id", "seconds")
        for row_id, seconds in zip(table["id"].to_pylist(), table["seconds"].to_pylist()):
            if seconds > limit:
                yield row_id, "", f"audio cut from {seconds:.2f} to {limit:.2f} s"
