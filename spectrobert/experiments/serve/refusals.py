"""Wrong calls to Gradio: one line for the caller, no traceback in the log."""

from collections.abc import Awaitable, Callable
from typing import Any

from ...errors import UserError
from .uploads import Uploads

UNFIT = "the inputs do not fit this call: its page `Use via API` lists them"


def called(call: Callable[[], Any]) -> Any:
    """The result of a program's call. Raises gradio.Error for what the program can mend."""
    try:
        return call()
    except UserError as error:
        raise _error(str(error)) from None


def checked(
    preprocess: Callable[..., Awaitable[Any]], uploads: Uploads
) -> Callable[..., Awaitable[Any]]:
    """Gradio's preprocessing of inputs, for files that were uploaded and for no others."""
    import gradio as gr

    async def tried(block_fn: Any, inputs: list[Any], *rest: Any, **more: Any) -> Any:
        try:
            uploads.check(inputs)
            return await preprocess(block_fn, inputs, *rest, **more)
        except UserError as error:
            line = str(error)
        except gr.Error as error:
            line = str(error.message)
        except (ValueError, TypeError, KeyError, AttributeError, OSError):
            line = UNFIT
        uploads.drop(inputs)
        raise _error(line)

    return tried


def _error(line: str) -> Exception:
    import gradio as gr

    return gr.Error(" ".join(line.split()), print_exception=False)
