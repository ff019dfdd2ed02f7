"""The lock on a run directory: one process at a time. A killed process has released it.

runs/<experiment>/.seed<k>.lock, removed with the last run; it names the process that holds it.

flock itself, not filelock: that library can neither name the holder, nor take over a lock from the
process that started this one, nor remove the file that it locked.
"""

import errno
import fcntl
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import UserError

WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)  # some file systems of clusters
INHERITED = "SPECTROBERT_LOCK"  # "<descriptor>:<path>", for a process that its holder starts
MAX_TRIES = 1000  # of taking a lock whose file or folder other processes keep removing
RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")  # as Lightning reads them: the first that is set

_held: dict[Path, int] = {}  # descriptors of this process


def _forget_in_child() -> None:
    """A loader's worker outlives a killed run by seconds: it must not keep the lock."""
    for descriptor in _held.values():
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_forget_in_child)


def is_helper() -> bool:
    """True if another process of the same run has started this one."""
    return int(next((os.environ[name] for name in RANKS if name in os.environ), "0")) > 0


@contextmanager
def hold(folder: Path, waiting: Callable[[str], None] | None = None) -> Iterator[int]:
    """Hold the lock of a run directory; yields its descriptor. Nested in one process: no effect.

    Args:
        waiting: called with the holder's name if another process holds the lock, which is then
            waited for; None: not waited for.

    Raises UserError, which names the holder, if it is not to be waited for, or if the folder's
    parent cannot be written.
    """
    path = _path(folder)
    if path in _held:
        yield _held[path]
        return
    made = [place for place in (folder.parent, *folder.parent.parents) if not place.exists()]
    try:
        inherited = _inherited(path)
        descriptor = _take(path, folder, waiting) if inherited is None else inherited
    except OSError as error:
        raise UserError(f"cannot write {path.parent}: {error.strerror}; see runs_dir") from error
    _held[path] = descriptor
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
    try:
        yield descriptor
    finally:
        if _held.pop(path, None) is not None:  # a forked child has nothing to close
            os.close(descriptor)
            _remove(path)
        for place in made:
            with suppress(OSError):
                place.rmdir()  # of a run that was refused nothing stays


def environment(folder: Path, descriptor: int) -> dict[str, str]:
    """Variables for a process that is started with the lock's descriptor in `pass_fds`."""
    return {INHERITED: f"{descriptor}:{_path(folder)}"}


def _path(folder: Path) -> Path:
    return (folder.parent / f".{folder.name}.lock").absolute()


def _remove(path: Path) -> None:
    """Remove a lock's file, unless another process, as one that was started with it, holds it."""
    with suppress(OSError), path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()


def _inherited(path: Path) -> int | None:
    """The descriptor of this lock that the process was started with, if it was."""
    number, _, name = os.environ.get(INHERITED, "").partition(":")
    if name != str(path):
        return None
    del os.environ[INHERITED]
    if not _is_lock(int(number), path):
        return None
    os.set_inheritable(int(number), False)
    return int(number)


def _is_lock(descriptor: int, path: Path) -> bool:
    """False if the file was removed, or another is there by now."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _take(path: Path, folder: Path, waiting: Callable[[str], None] | None) -> int:
    for tries_left in reversed(range(MAX_TRIES)):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
        except FileNotFoundError:
            if tries_left:
                continue  # its folder was removed by a run that was refused
            raise  # no folder can be made there
        try:
            _lock(descriptor, folder, waiting)
            if _is_lock(descriptor, path):  # the holder before may have removed the file
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(path))


def _lock(descriptor: int, folder: Path, waiting: Callable[[str], None] | None) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 200, 0).decode(errors="replace") or "another process"
        if waiting is None:
            raise UserError(
                f"{folder}: {holder} runs in it; wait until it ends, or choose another"
                " --experiment_name or --seed"
            ) from error
        waiting(holder)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise
