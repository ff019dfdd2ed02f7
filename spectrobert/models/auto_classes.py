"""transformers' auto classes know this project's models once `spectrobert` is imported.

To register a model imports torch and transformers, which `import spectrobert` must not, and
transformers imports its auto classes from within its models: this project's are imported when
AutoConfig reads a configuration, as AutoModel and the others have it do.
"""

import functools
import importlib
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

AUTO = "transformers.models.auto.configuration_auto"


class _Waiting(MetaPathFinder):
    """A finder that finds nothing of its own: it sees when AutoConfig is imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != AUTO:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_and_prepare(module: ModuleType) -> None:
                run(module)
                _prepare(module)

            spec.loader.exec_module = run_and_prepare  # type: ignore[method-assign]
        return spec


def _prepare(module: ModuleType) -> None:
    """Let AutoConfig import the models, which register themselves, before it reads a file."""
    read = module.AutoConfig.from_pretrained.__func__

    @functools.wraps(read)
    def from_pretrained(cls: type, *arguments: Any, **more: Any) -> Any:
        importlib.import_module(".registry", __package__)
        return read(cls, *arguments, **more)

    module.AutoConfig.from_pretrained = classmethod(from_pretrained)


def register_when_needed() -> None:
    """Prepare transformers' AutoConfig, now or as soon as it is imported."""
    if AUTO in sys.modules:
        _prepare(sys.modules[AUTO])
    elif not any(isinstance(finder, _Waiting) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Waiting())
