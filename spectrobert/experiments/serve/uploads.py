"""The folder of uploads: a file is deleted after its answer, what nobody asks about soon after."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock, Thread
from typing import Any

from ...errors import UserError

KEPT = 600.0  # seconds that an upload waits for its question
EVERY = 30.0  # seconds from one look to the next
# variables of Gradio -> a folder for uploads, one for examples, and no others that it may read
VARIABLES = {
    "GRADIO_TEMP_DIR": "sounds",
    "GRADIO_EXAMPLES_CACHE": "examples",
    "GRADIO_ALLOWED_PATHS": "",
}
NOT_UPLOADED = "a sound must be uploaded: paths of the server and links are not read"


class Uploads:
    """Uploads of all visitors. As a context: a folder of its own that is deleted at the end."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="spectrobert-serve-")
        root = Path(self._folder.name).resolve()
        self.sounds, self.work = root / "sounds", root / "work"
        self.sounds.mkdir()
        self.work.mkdir()
        self._end, self._lock = Event(), Lock()
        self._used, self._unanswered = Counter[str](), Counter[str]()

    def __enter__(self) -> Uploads:
        self._before = {name: os.environ.get(name) for name in VARIABLES}
        for name, place in VARIABLES.items():
            os.environ[name] = str(self.sounds.parent / place) if place else ""
        Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        for name, value in self._before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        with suppress(OSError):  # another thread may be writing still
            self._folder.cleanup()

    def holds(self, path: str) -> bool:
        """True for a file in the folder, by its real path."""
        try:
            real = Path(os.path.realpath(path))
        except ValueError:  # a null byte
            return False
        return real.is_relative_to(self.sounds) and os.path.isfile(real)

    def check(self, value: Any) -> None:
        """Raise UserError if any file in a call's inputs was not uploaded."""
        if isinstance(value, dict):
            if isinstance(path := value.get("path"), str) and not self.holds(path):
                raise UserError(self._missing(path))
            value = list(value.values())
        if isinstance(value, list):
            for one in value:
                self.check(one)

    def arrived(self, paths: Iterable[str]) -> None:
        """Note uploads: an equal file of the same name has the same path, and is sent by several.

        Each of them is answered once.
        """
        with self._lock:
            self._unanswered.update(paths)

    def drop(self, value: Any) -> None:
        """Delete the uploads in the inputs of a call that is refused."""
        if isinstance(value, dict):
            path = value.get("path")
            if isinstance(path, str) and self.holds(path):
                self._delete(path, os.stat(path).st_ino)
            value = list(value.values())
        if isinstance(value, list):
            for one in value:
                self.drop(one)

    @contextmanager
    def taken(self, path: str | None) -> Iterator[str]:
        """An upload, deleted at the end. Raises UserError if there is none."""
        if not path:
            raise UserError("no sound: drop or record one first")
        if not self.holds(path):
            raise UserError(self._missing(path))
        number = os.stat(path).st_ino
        self._used[path] += 1
        try:
            yield path
        finally:
            self._used[path] -= 1
            self._delete(path, number)

    def sweep(self, age: float = KEPT) -> None:
        """Delete what is older than `age` seconds, half an upload too, and empty folders."""
        before = time.time() - age
        for folder, _, names in os.walk(self.sounds, topdown=False):
            for name in names:
                with suppress(OSError):
                    path = Path(folder, name)
                    if not self._used[str(path)] and path.lstat().st_mtime <= before:
                        path.unlink()
            with suppress(OSError):  # not empty
                if folder != str(self.sounds) and os.stat(folder).st_mtime <= before:
                    os.rmdir(folder)

    def _delete(self, path: str, number: int) -> None:
        """Delete a file of that inode, unless an equal one has come and waits for its answer."""
        with self._lock:
            self._unanswered[path] -= 1
            if self._unanswered[path] > 0:
                return
            del self._unanswered[path]
            with suppress(FileNotFoundError):
                if os.stat(path).st_ino == number:
                    os.unlink(path)

    def _watch(self) -> None:
        while not self._end.wait(EVERY):
            self.sweep()

    def _missing(self, path: str) -> str:
        """The reason why a path is no upload."""
        if Path(os.path.normpath(path)).is_relative_to(self.sounds):
            return "the sound is deleted after its answer: drop it again"
        return NOT_UPLOADED
