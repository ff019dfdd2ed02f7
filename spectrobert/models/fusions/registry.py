"""The fusions by their names in `model.fusion`."""

from .base import Fusion
from .concat import Concat
from .cross import CrossModal
from .joint import JointStack
from .unimodal import Audio, Text

# model.fusion -> class
FUSIONS: dict[str, type[Fusion]] = {
    "audio": Audio,
    "text": Text,
    "concat": Concat,
    "cross": CrossModal,
    "joint": JointStack,
}
