"""The server of the page: for this machine alone by default; nothing of a visitor is kept."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any

from ...errors import UserError
from .limits import Limits
from .uploads import Uploads


@contextmanager
def serving(
    runs: Sequence[str | Path], host: str, port: int, limits: Limits
) -> Iterator[tuple[str, Uploads]]:
    """The address of a page that answers until the context ends, and its uploads.

    Args:
        port: 0 for any that is free.

    Raises UserError for a run that cannot be served, and an address that is taken or not ours.
    """
    from .answers import ServedRuns

    address = _free(host, port)
    with Uploads() as uploads:
        served = ServedRuns(runs, uploads, limits)
        from .page import build

        logging.getLogger("httpx").setLevel(logging.WARNING)
        page = build(served)
        try:
            yield _launched(page, host, address, limits, uploads), uploads
        finally:
            page.close(verbose=False)


def _launched(page: Any, host: str, port: int, limits: Limits, uploads: Uploads) -> str:
    """The address of a page that answers from now on."""
    from starlette.middleware import Middleware

    from .doors import Doors
    from .theme import look

    doors = Middleware(Doors, most=limits.bytes, uploads=uploads)
    try:
        _, url, _ = page.launch(
            server_name=host,
            server_port=port,
            app_kwargs={"middleware": [doors]},
            max_file_size=limits.bytes,
            **look(),
            share=False,
            quiet=True,
            inbrowser=False,
            prevent_thread_lock=True,
            enable_monitoring=False,
            run_history=False,
            footer_links=["api"],
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
        )
    except OSError as error:  # another process has taken the port since
        raise UserError(f"--host {host} --port {port}: {error}") from error
    return url.rstrip("/")


def wait() -> None:
    """Return when the process is asked to end."""
    end = Event()
    signal.signal(signal.SIGTERM, lambda *_: end.set())
    with suppress(KeyboardInterrupt):
        end.wait()


def _free(host: str, port: int) -> int:
    """A port that can be bound. Raises UserError if it is taken, or the host is not ours."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, port))
            return tried.getsockname()[1]
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", "") or str(error)
        raise UserError(f"--host {host} --port {port}: {reason}") from error
