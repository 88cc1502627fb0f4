"""What to export: the choices of a user, completed from the catalogue and checked before any work."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple, TypedDict, Unpack, get_type_hints

import msgspec

from rapsam.contract import MAX_PROMPTS, MAX_SIDE, TASKS
from rapsam.errors import InputError, unknown_name
from rapsam.export.backends.catalogue import TARGETS, find_recipe, find_target, ios_versions
from rapsam.export.backends.recipes import Recipe
from rapsam.export.bundle.quantisation import BudgetReport, Figure
from rapsam.export.devices import Device, find_device
from rapsam.models.families import family_of
from rapsam.tasks.preprocess import check_network_size

DEFAULT_SIZE = (640, 640)
DEFAULT_TASKS = ("panoptic", "prompt")


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle may lose.

    Attributes:
        limits: Most points of 100 that may be lost against the float graphs, by figure.
        data: Tells the images apart on which that is asked.
    """

    limits: dict[Figure, float]
    data: str


class GraphChoice(msgspec.Struct, frozen=True, kw_only=True):
    """What a search has found for one graph.

    Attributes:
        kept: Modules that stay float, sorted.
        precision: That it gets; None to decide by the clock, as without a search.
        why: Why it is not the recipe's; empty if it is.
    """

    kept: tuple[str, ...] = ()
    precision: str | None = None
    why: str = ""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What the search for a budget has found.

    Attributes:
        graphs: By name of the graph.
        report: For people; None while the search goes on.
    """

    graphs: dict[str, GraphChoice] = {}
    report: BudgetReport | None = None


class ExportPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One bundle to be made.

    Attributes:
        name: Folder name: the device, or else the recipe.
        device: Device of the catalogue, or None.
        recipe: How to lower.
        size: Image height and width.
        tasks: Sorted keys of `rapsam.contract.TASKS`.
        num_prompts: Prompts per pass of the graphs that take any.
        budget: What it may lose; None where nobody asks.
        found: What keeps it within; empty without a budget.
    """

    name: str
    device: str | None
    recipe: Recipe
    size: tuple[int, int]
    tasks: tuple[str, ...]
    num_prompts: int
    budget: Budget | None = None
    found: Found = Found()

    def choice(self, graph: str) -> GraphChoice:
        """Returns what was found for a graph."""
        return self.found.graphs.get(graph, GraphChoice())


class TargetChoices(TypedDict, total=False):
    """What a user may choose for one bundle or for many; all optional.

    Attributes:
        target: One of `rapsam.export.backends.catalogue.TARGETS`; needed without a device.
        precision: As in "fp32" or "fp16"; without a device the default of the target.
        ios: Deployment target, for targets that have one; without a device the default of the target.
        tasks: What the bundle must do, keys of `rapsam.contract.TASKS`; by default what the family says, else
            `DEFAULT_TASKS`.
        num_prompts: Prompts per pass of the graphs that take any, 1 (the default) to 64.
    """

    target: str | None
    precision: str | None
    ios: int | None
    tasks: Sequence[str] | None
    num_prompts: int


class ExportChoices(TargetChoices, total=False):
    """What a user may choose for one bundle.

    Attributes:
        device: Id from the catalogue, such as "pixel-8"; gives target, precision, iOS version and size unless
            they are named.
        size: Image (height, width), multiples of 32; by default what the family says, else the device's, else
            640x640.
    """

    device: str | None
    size: tuple[int, int] | None


def plan_matrix(
    *,
    variant: str | None = None,
    devices: Sequence[str] = (),
    sizes: Sequence[tuple[int, int]] = (),
    **choices: Unpack[TargetChoices],
) -> tuple[ExportPlan, ...]:
    """Plans a bundle for every device at every size; see `plan_export`.

    Args:
        variant: Name of the network; None plans for networks of any family.
        devices: Ids from the catalogue; without any, bundles for the target.
        sizes: Without any, the family's or each device's own. With several, they become part of the names.
        choices: For all of them.

    Returns:
        The plans, those of one size together, so that what they share stays at hand; no name twice.

    Raises:
        InputError: If a name is unknown or choices contradict each other.
    """
    plans: dict[str, ExportPlan] = {}
    chosen: list[tuple[int, int] | None] = list(dict.fromkeys(sizes)) or [None]
    named: list[str | None] = list(devices) or [None]
    for size, device in itertools.product(chosen, named):
        plan = plan_export(variant=variant, device=device, size=size, **choices)
        if len(chosen) > 1:
            plan = msgspec.structs.replace(plan, name=f"{plan.name}-{plan.size[0]}x{plan.size[1]}")
        plans[plan.name] = plan
    return tuple(sorted(plans.values(), key=lambda plan: plan.size))


def plan_export(*, variant: str | None = None, **choices: Unpack[ExportChoices]) -> ExportPlan:
    """Completes and checks the choices for one bundle.

    Args:
        variant: Name of the network, whose family may say where an export starts; None for any family.
        choices: See `ExportChoices`.

    Returns:
        The plan.

    Raises:
        InputError: If a name is unknown or choices contradict each other.
        TypeError: If there is no such choice.
    """
    if unknown := choices.keys() - get_type_hints(ExportChoices).keys():
        raise TypeError(f"an export has no choice {min(unknown)!r}; see ExportChoices")
    device, target, precision = choices.get("device"), choices.get("target"), choices.get("precision")
    size, num_prompts = choices.get("size"), choices.get("num_prompts", 1)
    start, tasks = _start_of(variant), choices.get("tasks")
    tasks = _checked_tasks(start.tasks if tasks is None else tasks)
    if size is not None and (len(size) != 2 or not all(isinstance(side, int) for side in size)):
        raise InputError(f"size {size!r}; expected (height, width) in pixels, such as (480, 640)")
    if device is None and target is None:
        raise InputError("neither device nor target given; name one: --device pixel-8, or --target onnx")
    found = None if device is None else find_device(device)
    if found is not None:
        target = found.target if target is None else target
        precision = found.precision if precision is None else precision
    size = size or start.size or (DEFAULT_SIZE if found is None else found.size)
    _check_extent(size, num_prompts)
    assert target is not None
    recipe = find_recipe(target, precision, _ios_version(target, choices.get("ios"), found))
    return ExportPlan(
        name=device or recipe.name,
        device=device,
        recipe=recipe,
        size=size,
        tasks=tasks,
        num_prompts=num_prompts,
    )


class _Start(NamedTuple):
    """What is exported unless a user says."""

    tasks: tuple[str, ...]
    size: tuple[int, int] | None


def _start_of(variant: str | None) -> _Start:
    if variant is None:
        return _Start(DEFAULT_TASKS, None)
    family = family_of(variant)
    return _Start(family.default_tasks or DEFAULT_TASKS, family.default_size(variant))


def _checked_tasks(tasks: str | Sequence[str]) -> tuple[str, ...]:
    tasks = (tasks,) if isinstance(tasks, str) else tasks
    for task in tasks:
        if task not in TASKS:
            raise unknown_name("task", task, TASKS)
    if not tasks:
        raise InputError(f"no task given; expected at least one of {', '.join(TASKS)}")
    return tuple(sorted(set(tasks)))


def _check_extent(size: tuple[int, int], num_prompts: int) -> None:
    """Refuses what no export could finish, before the network is loaded."""
    check_network_size(size)
    if max(size) > MAX_SIDE:
        raise InputError(f"size {size[0]}x{size[1]} is too large; expected sides of at most {MAX_SIDE}")
    if not 1 <= num_prompts <= MAX_PROMPTS:
        raise InputError(f"{num_prompts} prompts per pass; expected 1 to {MAX_PROMPTS}")


def _ios_version(target: str, ios: int | None, device: Device | None) -> int | None:
    """Chooses the version of iOS: what the user names, what the device has; None for the target's default."""
    platform, versions = find_target(target).facts.platform, ios_versions(target)
    if device is not None and platform not in (None, device.platform):
        raise InputError(f"target {target} for {device.id}, an {device.platform} phone; leave the target out")
    own = None if device is None else device.ios
    if ios is not None and not versions and ios != own:
        *others, last = (name for name in TARGETS if ios_versions(name))
        apple = f"{', '.join(others)} and {last}"
        raise InputError(f"iOS {ios} for target {target!r}; only {apple} have an iOS version: leave it out")
    if ios is None and own in versions:
        return own
    return ios
