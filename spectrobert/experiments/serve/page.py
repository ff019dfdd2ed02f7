"""The page in Gradio: what visitors see, and the named calls of programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import UserError
from . import markup
from .answers import Asking, ServedRun, ServedRuns
from .limits import MOST_LETTERS
from .recordings import Window
from .refusals import called, checked

MODEL = {"concurrency_limit": 1, "concurrency_id": "model"}  # the runs answer one call at a time
PRIVATE = {"api_visibility": "private"}
NONE = ("none", "")
SEND = "(...all) => window.sendSound(...all)"


def build(served: ServedRuns) -> Any:
    """The page over runs, ready to be launched."""
    import gradio as gr

    first = served.run("")
    with gr.Blocks(analytics_enabled=False, title="SpectroBERT") as page:
        gr.HTML(_heading(served))
        with gr.Row():
            with gr.Column(scale=2, min_width=300):
                several = len(served.names) > 1
                run = gr.Dropdown(served.names, value=first.name, label="Run", visible=several)
                others = [NONE, *((name, name) for name in served.names)]
                other = gr.Dropdown(others, value="", label="Compare with", visible=several)
                sound = gr.Audio(
                    label="Sound", type="filepath", editable=False, buttons=[], elem_id="sound"
                )
                words = gr.Textbox(max_length=MOST_LETTERS, elem_id="words", **_words(first))
                silence = gr.Checkbox(label="Silence the sound: what the words alone answer")
                with gr.Row():
                    ask = gr.Button("Answer", variant="primary", elem_id="ask", min_width=120)
                    along = gr.Button("Timeline", elem_id="along", min_width=120)
                with gr.Accordion("Timeline settings", open=False):
                    window = gr.Number(0, label="Window: seconds heard at once; 0: 4, or less")
                    hop = gr.Number(0, label="Hop: seconds from window to window; 0: half of one")
                    least = gr.Number(None, label="Threshold; empty: the run's own, or 0.5")
            with gr.Column(scale=3, min_width=300):
                answers = gr.HTML(elem_id="answers")
        timeline = gr.HTML(elem_id="timeline")
        asked, followed = (
            [sound, words, run, other, silence],
            [sound, words, run, window, hop, least],
        )
        sound.change(None, sound, None, js="sound => window.holdSound(sound)", **PRIVATE)
        run.change(lambda name: gr.update(**_words(served.run(name))), run, words, **PRIVATE)
        ask.click(_answers(served), asked, answers, js=SEND, **PRIVATE, **MODEL)
        words.submit(_answers(served), asked, answers, js=SEND, **PRIVATE, **MODEL)
        along.click(_timeline(served), followed, timeline, js=SEND, **PRIVATE, **MODEL)
        _add_calls(served, sound, words, run, other, silence, (window, hop, least))
    page.preprocess_data = checked(page.preprocess_data, served.uploads)
    return page.queue(max_size=32)


def _add_calls(
    served: ServedRuns, sound: Any, words: Any, run: Any, other: Any, silence: Any, window: Any
) -> None:
    """The named calls of programs: runs, answer, compare, timeline."""
    import gradio as gr

    found = gr.JSON(visible=False)

    def add(call: Callable[..., Any], inputs: list[Any]) -> None:
        gr.Button(visible=False).click(call, inputs, found, api_name=call.__name__, **MODEL)

    def runs() -> list[dict[str, Any]]:
        """The runs, the words that each takes, and its labels."""
        return [one.to_dict() for one in served.by_name.values()]

    def answer(sound: str, words: str, run: str, silence: bool) -> dict[str, Any]:
        """Ranked answers of a run."""
        return called(lambda: served.answer(Asking(sound, words, silence), [run])[0].to_dict())

    def compare(
        sound: str, words: str, run: str, other: str, silence: bool
    ) -> list[dict[str, Any]]:
        """Ranked answers of two runs that have the same labels."""
        asking = Asking(sound, words, silence)
        return called(lambda: [one.to_dict() for one in served.answer(asking, [run, other])])

    def timeline(
        sound: str, words: str, run: str, window: float, hop: float, threshold: float | None
    ) -> dict[str, Any]:
        """The answers along a recording, and segments."""
        heard = Window(window or 0.0, hop or 0.0, threshold)
        return called(lambda: served.follow(Asking(sound, words), run, heard).facts)

    add(runs, [])
    add(answer, [sound, words, run, silence])
    add(compare, [sound, words, run, other, silence])
    add(timeline, [sound, words, run, *window])


def _answers(served: ServedRuns) -> Callable[..., str]:
    def show(sound: str, words: str, run: str, other: str, silence: bool) -> str:
        names = [run, other] if other else [run]
        return markup.answers(served.answer(Asking(sound, words, silence), names))

    return _shown(show)


def _timeline(served: ServedRuns) -> Callable[..., str]:
    def show(
        sound: str, words: str, run: str, window: float, hop: float, threshold: float | None
    ) -> str:
        heard = Window(window or 0.0, hop or 0.0, threshold)
        found = served.follow(Asking(sound, words), run, heard)
        return markup.timeline(found.page, found.facts["audio"])

    return _shown(show)


def _shown(show: Callable[..., str]) -> Callable[..., str]:
    """The same HTML, or a line on what the visitor can mend."""

    def tried(*inputs: Any) -> str:
        try:
            return show(*inputs)
        except UserError as error:
            return markup.fault(str(error))

    return tried


def _words(run: ServedRun) -> dict[str, Any]:
    """The look of the box for words, as a run takes them."""
    if run.asks:
        return {"label": "Question", "placeholder": "is there a bell?", "visible": True}
    return {
        "label": "Text",
        "placeholder": "what is said, or described; may stay empty",
        "visible": run.reads,
    }


def _heading(served: ServedRuns) -> str:
    limits = served.limits
    name = f"<p>{markup.shown(served.names[0])}</p>" if len(served.names) == 1 else ""
    return (
        f"<h1>SpectroBERT</h1>{name}<p>Drop or record a sound (WAV, FLAC, OGG or MP3, up to"
        f" {limits.megabytes:g} MB and {limits.minutes:g} minutes), and ask. The server"
        " deletes each sound after its answer.</p>"
    )
