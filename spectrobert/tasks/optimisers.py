"""Optimisers, parameter groups with a learning rate of their own, and learning rate schedules."""

from collections.abc import Mapping
from functools import partial
from itertools import combinations
from typing import Any

from torch.optim import Adam, AdamW, Optimizer, RAdam
from torch.optim.lr_scheduler import LambdaLR
from transformers import get_scheduler

from ..config import OptimConfig
from ..errors import UserError
from ..models.freezing import modules_of, part_names
from ..models.model import Model, trains

# optim.name -> class
OPTIMISERS: dict[str, Any] = {
    "radam": partial(RAdam, decoupled_weight_decay=True),
    "adam": Adam,
    "adamw": AdamW,
}


def optimiser(model: Model, options: OptimConfig) -> Optimizer:
    """The optimiser of the parameters that train."""
    return OPTIMISERS[options.name](
        groups(model, options),
        lr=options.lr,
        betas=(0.9, options.beta2),
        weight_decay=options.weight_decay,
    )


def groups(model: Model, options: OptimConfig) -> list[dict[str, Any]]:
    """Parameters that train: those at `optim.lr`, then one group per name in `optim.lr_of`.

    A group without parameters is left out. If weights decay, those with fewer than two dimensions
    (biases, norms) have groups of their own, without decay, unless `optim.decay_norms`.
    """
    parts, owners = model.parts(), rate_owners(model, options.lr_of)
    named = {
        id(parameter): name
        for part, name in owners.items()
        for module in parts[part]
        for parameter in module.parameters()
    }
    members: dict[str, list[Any]] = {name: [] for name in ("", *options.lr_of)}
    for parameter in model.parameters():
        if parameter.requires_grad:
            members[named.get(id(parameter), "")].append(parameter)
    rates = {"": options.lr} | options.lr_of
    grouped = [{"params": some, "lr": rates[name]} for name, some in members.items() if some]
    if options.weight_decay and not options.decay_norms:
        return [part for group in grouped for part in _spared(group)]
    return grouped


def _spared(group: dict[str, Any]) -> list[dict[str, Any]]:
    """A group as two: the weights that decay, and those that do not."""
    matrices = [p for p in group["params"] if p.dim() > 1]
    others = [p for p in group["params"] if p.dim() <= 1]
    parts = [{**group, "params": matrices}, {**group, "params": others, "weight_decay": 0.0}]
    return [part for part in parts if part["params"]]


def rate_owners(model: Model, rates: Mapping[str, float]) -> dict[str, str]:
    """Part of the model -> the name in `rates` that it follows: the most specific one.

    The fewer parts a name stands for, the more specific it is; then the more words it has.

    Raises UserError for an unknown name, and for two rates between which this does not decide.
    """
    modules_of(model, rates, "optim.lr_of")
    known = part_names(model)
    rank = {name: (-len(known[name]), name.count(".")) for name in rates}
    for one, other in combinations(rates, 2):
        is_shared = not set(known[one]).isdisjoint(known[other])
        if is_shared and rank[one] == rank[other] and rates[one] != rates[other]:
            raise UserError(
                f"optim.lr_of: {one}={rates[one]} and {other}={rates[other]} are two learning"
                " rates of the same part"
            )
    owners: dict[str, str] = {}
    for name in sorted(rates, key=lambda name: rank[name]):
        owners |= dict.fromkeys(known[name], name)
    return owners


def idle_rates(model: Model, rates: Mapping[str, float]) -> list[str]:
    """Names in `rates` that no parameter follows which trains."""
    parts, owners = model.parts(), rate_owners(model, rates)
    used = {name for part, name in owners.items() if any(map(trains, parts[part]))}
    return [name for name in rates if name not in used]


class Plateau:
    """A scale of the learning rate that falls if validation stops improving, as NewBob does.

    At first it grows linearly over `warmup` steps. Its fields are numbers alone: LambdaLR keeps
    them in checkpoints.
    """

    def __init__(self, options: OptimConfig, mode: str, warmup: int):
        self.factor = options.plateau_factor
        self.patience = options.plateau_patience
        self.threshold = options.plateau_threshold
        self.sign = 1.0 if mode == "max" else -1.0
        self.warmup = warmup
        self.scale = 1.0
        self.best: float | None = None
        self.waited = 0  # validations since the best one, or since the last fall

    def __call__(self, step: int) -> float:
        return self.scale * min(1.0, step / max(1, self.warmup)) if self.warmup else self.scale

    def observe(self, value: float) -> None:
        """Take in the monitored metric of a validation."""
        if self._is_better(value):
            self.best, self.waited = value, 0
            return
        self.waited += 1
        if self.waited > self.patience:
            self.scale *= self.factor
            self.waited = 0

    def _is_better(self, value: float) -> bool:
        if self.best is None:
            return value == value  # NaN is not
        return self.sign * (value - self.best) > self.threshold * abs(self.best)


def tri_stage(step: int, warmup: int, hold: int, total: int, final: float) -> float:
    """Scale of the learning rate: linear up to `warmup`, 1 up to `hold`, exponential to `final`."""
    if step < warmup:
        return step / warmup
    return final ** ((step - hold) / max(1, total - hold)) if step > hold else 1.0


def schedule(
    optimizer: Optimizer, options: OptimConfig, total_steps: int, mode: str
) -> tuple[LambdaLR, Plateau | None]:
    """The schedule, which moves at every step, and the part of it that watches validation.

    Args:
        total_steps: of the whole run.
        mode: "min" | "max", of the monitored metric.
    """
    warmup = round(total_steps * options.warmup_share)
    if options.schedule == "plateau":
        plateau = Plateau(options, mode, warmup)
        return LambdaLR(optimizer, plateau), plateau
    if options.schedule == "tri_stage":
        hold = round(total_steps * (options.warmup_share + options.hold_share))
        stages = {"warmup": warmup, "hold": hold, "total": total_steps}
        return LambdaLR(optimizer, partial(tri_stage, **stages, final=options.final_scale)), None
    name = options.schedule
    name = "constant_with_warmup" if name == "constant" else name  # as transformers names it
    return get_scheduler(name, optimizer, warmup, total_steps), None


def rescale(scheduler: LambdaLR) -> None:
    """Set the learning rates of the next step, after the schedule's scale has changed."""
    shapes = zip(scheduler.optimizer.param_groups, scheduler.base_lrs, scheduler.lr_lambdas)
    for group, rate, shape in shapes:
        group["lr"] = rate * shape(scheduler.last_epoch)
