"""The fusions by their names in `model.fusion`."""

from .base import Fusion
from .cm_bert import CmBert
from .coattention import CoAttention
from .concat import Concat
from .cross import CrossModal
from .ctal import Ctal
from .joint import JointStack
from .mult import MulT
from .unimodal import Audio, Text

# model.fusion -> class
FUSIONS: dict[str, type[Fusion]] = {
    "audio": Audio,
    "text": Text,
    "concat": Concat,
    "cross": CrossModal,
    "joint": JointStack,
    "mult": MulT,
    "ctal": Ctal,
    "coattention": CoAttention,
    "cm_bert": CmBert,
}
