"""export: write a finished run as a file that other programs run."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import UserError, require_extra
from .options import Run


def export(
    run: Run,
    onnx: Annotated[str, typer.Option(help="the file to write; its name ends in .onnx")],
) -> None:
    """Write a finished run as an ONNX file, whose answers are compared with torch's.

    `predict` takes the file in place of the run.
    """
    from ..files import check_writable

    path = Path(onnx)
    if path.suffix != ".onnx":
        raise UserError(f"--onnx {onnx}: the file's name must end in .onnx")
    check_writable("--onnx", path)
    require_extra("onnx", "export --onnx")

    from ..run.export import export as write
    from ..run.quiet import quiet

    quiet()
    written = write(run, path)
    print(
        f"{written.path}: {written.bytes / 1e6:.1f} MB; onnxruntime's logits are at most"
        f" {written.difference:.0e} away from torch's"
    )
