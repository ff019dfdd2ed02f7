"""transformers' auto classes after `import spectrobert`."""

import subprocess
import sys
from types import SimpleNamespace

from spectrobert.models.auto_classes import AUTO, register_when_needed

from ..helpers.world import ROOT

MODEL = ROOT / "tests" / "golden" / "classification"
LOAD = f"print(type(transformers.AutoModel.from_pretrained({str(MODEL)!r})).__name__)"
OTHER = (
    "from transformers.models.auto.configuration_auto import CONFIG_MAPPING\n"
    "print(CONFIG_MAPPING['spectrobert_composite'].__name__)"
)


def test_a_saved_model_is_known_without_remote_code():
    within = "import transformers.models.bert.modeling_bert"  # transformers imports them there
    code = f"import spectrobert\n{within}\nimport transformers\n{LOAD}\n{OTHER}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["SpectroBert", "CompositeConfig"], done.stderr


def test_auto_classes_that_are_there_already_are_prepared_too(monkeypatch):
    class AutoConfig:
        @classmethod
        def from_pretrained(cls, name: str, **more: str) -> tuple:
            return cls, name, more, "spectrobert.models.registry" in sys.modules

    monkeypatch.setitem(sys.modules, AUTO, SimpleNamespace(AutoConfig=AutoConfig))
    register_when_needed()
    wanted = (AutoConfig, "a", {"revision": "b"}, True)
    assert AutoConfig.from_pretrained("a", revision="b") == wanted
