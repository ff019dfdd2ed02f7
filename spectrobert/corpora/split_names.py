"""Names of splits in tables and folders of a user's own."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ..errors import UserError

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "eval": "test",
}


def split_folders(root: Path, folders: Iterable[str]) -> dict[str, str]:
    """Folder -> its split, for those that are named as one.

    Raises UserError if two are the same split.
    """
    found = {name: SPLIT_NAMES[name.lower()] for name in folders if name.lower() in SPLIT_NAMES}
    for split, number in Counter(found.values()).items():
        if number > 1:
            same = ", ".join(sorted(name for name in found if found[name] == split))
            raise UserError(f"{root}: several folders are the {split} split: {same}; keep one")
    return found
