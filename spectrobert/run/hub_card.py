"""README.md of a run on the Hugging Face Hub: metadata, then card.md, use and limits."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..config import Config
from ..config.tasks import AqaConfig, NumbersConfig, PretrainingConfig
from ..markup import markdown_escaped
from . import card
from .chosen_thresholds import ChosenThreshold
from .folder import scores_of

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
UNKNOWN = "unknown"  # a licence of the Hub's list
LEAST_AUTO = "late_fusion"  # AutoModel takes it for the SpectroBERT whose parameters it has


def render(
    repo: str,
    config: Config,
    results: Mapping[str, Any],
    chosen: Mapping[str, ChosenThreshold],
    evaluation_card: str,
    licence: str,
) -> str:
    """The text of README.md.

    Args:
        repo: "user/name".
        evaluation_card: the text of card.md; "": of a version that wrote none.
        licence: of the weights, by the Hub's names.
    """
    from huggingface_hub import ModelCard

    facts = evaluation_card or "\n".join(card.facts_lines(results))
    sections = [
        f"---\n{metadata(repo, config, results, licence).to_yaml()}\n---",
        f"# {markdown_escaped(repo.partition('/')[2])}",
        _introduction(config, results, licence),
        "## How to use\n\n" + "\n\n".join(_use(repo, config)),
        "#" + facts.strip(),
        *_thresholds(chosen),
        "## Limits\n\n" + "\n".join(f"- {line}" for line in _limits(config, results)),
    ]
    text = "\n\n".join(sections) + "\n"
    ModelCard(text)  # raises for metadata that the Hub could not read
    return text


def metadata(repo: str, config: Config, results: Mapping[str, Any], licence: str) -> Any:
    """The metadata, a huggingface_hub.ModelCardData with an evaluation result for each metric."""
    from huggingface_hub import EvalResult, ModelCardData

    task, scored = _pipeline(config), scores_of(results)
    found = [
        EvalResult(
            task_type=task,
            dataset_type=results["dataset"],
            dataset_name=results["dataset"],
            dataset_split=scored["split"],
            metric_type=name,
            metric_name=_named(name, scored),
            metric_value=scored["metrics"][name],
        )
        for name in card.overall_names(scored)
    ]
    bases = [name for name in results.get("init", {}).values() if _is_on_hub(name)]
    return ModelCardData(
        license=licence,
        library_name="spectrobert",
        pipeline_tag=task,
        tags=["spectrobert", "audio", results["task"], *_architecture(config)],
        base_model=bases or None,
        model_name=repo.partition("/")[2],
        eval_results=found,
    )


def _architecture(config: Config) -> list[str]:
    """The model's kind as a tag; none of a run whose model is a checkpoint's."""
    return [config.model.architecture] if config.model else []


def _named(name: str, scored: Mapping[str, Any]) -> str:
    """A metric with its n and its interval, for readers of the metadata alone."""
    n = scored.get("metric_n", {}).get(name, scored["n"])
    bounds = scored.get("intervals", {}).get(name)
    interval = ", 95 % interval {:.4f} - {:.4f}".format(*bounds) if bounds else ""
    return f"{name} (n = {n}{interval})"


def _is_on_hub(name: Any) -> bool:
    return isinstance(name, str) and bool(HUB_NAME.fullmatch(name)) and not name.startswith("runs/")


def _pipeline(config: Config) -> str:
    """The Hub's name of the kind of task."""
    is_pretraining = isinstance(config.task, PretrainingConfig)
    answers = "audio-classification" if config.task.truth != "caption" else "audio-text-to-text"
    return "feature-extraction" if is_pretraining else answers


def _introduction(config: Config, results: Mapping[str, Any], licence: str) -> str:
    source = card.facts(results).get("source", "")
    lines = [
        f"A {markdown_escaped(results['task'])} model of audio and text, trained with SpectroBERT"
        f" on {markdown_escaped(results['dataset'])}"
        + (f" ({markdown_escaped(source)})." if source else "."),
        "The licence of the weights was not stated: ask the owner."
        if licence == UNKNOWN
        else f"Licence of the weights: {licence}. The corpus has a licence of its own.",
    ]
    return "\n\n".join(lines)


def _use(repo: str, config: Config) -> Iterator[str]:
    """Paragraphs with examples."""
    asked = ', question="is there a bell?"' if isinstance(config.task, AqaConfig) else ""
    is_answering = not (
        isinstance(config.task, PretrainingConfig) and "sap" not in config.task.objectives
    )
    call = f'model.predict("clip.wav"{asked}).ranked'
    if is_answering:
        yield _python(
            "from huggingface_hub import snapshot_download",
            "import spectrobert",
            "",
            f'model = spectrobert.load(snapshot_download("{repo}"))',
            f"print({call})",
        )
    folder = repo.partition("/")[2]
    yield (
        f"`hf download {repo} --local-dir {folder}` fetches the folder; `python -m spectrobert"
        f" predict {folder} --audio clip.wav` answers from it, and `python train.py --checkpoint"
        f" {folder} ...` trains on from its weights."
    )
    if getattr(config.model, "architecture", "") == LEAST_AUTO:
        return
    yield "The network alone, by transformers; after `import spectrobert` no remote code is needed:"
    yield _python(
        "import spectrobert",
        "from transformers import AutoModel, AutoTokenizer",
        "",
        f'network = AutoModel.from_pretrained("{repo}")',
        f'tokenizer = AutoTokenizer.from_pretrained("{repo}")',
    )


def _python(*lines: str) -> str:
    return "```python\n" + "\n".join(lines) + "\n```"


def _thresholds(chosen: Mapping[str, ChosenThreshold]) -> Iterator[str]:
    """A section on chosen thresholds, if there are any."""
    if not chosen:
        return
    rows = [
        (
            label,
            f"{one.threshold:g}",
            unit,
            name,
            f"{value:.4f}",
            test.bounds(name),
            test.metric_n[name],
        )
        for label, one in chosen.items()
        for unit, test in one.test.items()
        for name, value in test.metrics.items()
    ]
    header = ("label", "threshold", "by", "metric on test", "value", "95 % interval", "n")
    rules = [
        f"- {markdown_escaped(label)}: {one.threshold:g}, {one.rule}; test was scored by"
        f" {one.times_scored} such choices"
        for label, one in chosen.items()
    ]
    yield "\n".join(["## Thresholds", "", *card.table(header, rows), "", *rules])


def _limits(config: Config, results: Mapping[str, Any]) -> Iterator[str]:
    scored, split = scores_of(results), results["split"]
    n, name = scored["n"], markdown_escaped(results["dataset"])
    yield (
        f"The figures are of {n} rows of the {scored['split']} split of {name}: other speakers,"
        " rooms, microphones and languages were not measured."
    )
    if config.task.truth == "caption":
        yield "A text is written about every sound, true or not; its wording is that of the corpus."
    elif not isinstance(config.task, (NumbersConfig, PretrainingConfig)):
        yield "Every sound gets one of the labels above, also one that is none of them."
        yield "Probabilities are as the network gives them, not calibrated."
    if number := len(split["speakers"].get("train", ())):
        yield f"{number} speakers were heard in training."
    if scored.get("caution"):
        yield markdown_escaped(scored["caution"]) + "."
    yield "Intervals are of this trained model: how much seeds differ is not part of them."
