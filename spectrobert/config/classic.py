"""Options of the classic recipe: openSMILE features and a support vector machine."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ..errors import UserError
from .checks import choose

# Name -> openSMILE's own; functionals, one vector per clip
FEATURES = {"egemaps": "eGeMAPSv02", "compare": "ComParE_2016"}
COSTS = {
    "linear_svm": (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0),
    "rbf_svm": (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0),
}
TASKS = ("classification", "ser", "sentiment")  # one right class, and no question to read
NORMALIZATIONS = ("auto", "corpus", "speaker")  # of dataset.normalize; "auto" is "corpus"


@dataclass
class ClassicConfig:
    """openSMILE features and an SVM in place of a network: extra `classic`, for research only."""

    # "none": a network | "egemaps": eGeMAPSv02, 88 | "compare": ComParE_2016, 6373 functionals
    features: str = "none"
    classifier: str = "linear_svm"  # | "rbf_svm"; classes are weighted by inverse frequency
    # Costs C that validation chooses from, by `task.monitor`, the smaller of equals; the SVM is
    # then fitted once more, on train and validation. Empty: those of the classifier above
    costs: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        choose("classic.features", self.features, ("none", *FEATURES))
        choose("classic.classifier", self.classifier, tuple(COSTS))
        if not all(0 < cost < math.inf for cost in self.costs):
            raise UserError(f"classic.costs={self.costs}: each must be above 0 and finite")

    @property
    def is_on(self) -> bool:
        """True if no network is trained."""
        return self.features != "none"

    @property
    def grid(self) -> list[float]:
        """Costs in ascending order."""
        return sorted(self.costs or COSTS[self.classifier])
