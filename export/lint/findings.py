"""From a broken rule to a finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from rapsam.export.backends.base import Accelerator
from rapsam.export.backends.recipes import Recipe
from rapsam.export.lint.checks import CHECKS, RECIPE_CHECKS, Hit
from rapsam.export.lint.examined import Examined, operator_name, shapes_of
from rapsam.export.lint.ranges import Ranges, out_of_range
from rapsam.export.lint.report import Finding
from rapsam.export.lint.rules import Rule, rules_for
from rapsam.quantize.policy import module_of

RANGE_CHECKS = ("norm-range", "value-range")
_MEANINGLESS = "; weights that have learnt nothing: a trained network has other values"


def recipe_findings(
    recipe: Recipe, accelerators: Iterable[Accelerator], chip: str | None = None
) -> list[Finding]:
    """Finds what a recipe alone says, whatever the graphs; see `graph_findings`."""
    found = []
    for accelerator in accelerators:
        for rule in rules_for(accelerator.name, chip):
            check = RECIPE_CHECKS.get(rule.check)
            detail = check(recipe) if check else ""
            if detail:
                found.append(general_finding(rule, accelerator.name, None, detail))
    return found


def graph_findings(
    graph: Examined,
    recipe: Recipe,
    accelerators: Iterable[Accelerator],
    ranges: Ranges | None = None,
    *,
    chip: str | None = None,
    trained: bool = True,
) -> list[Finding]:
    """Finds what operators of a captured graph, and their values, break.

    Args:
        graph: The graph.
        recipe: How it would be lowered.
        accelerators: Where it would run.
        ranges: Its values; None if nobody looked.
        chip: Of the phone; None for any.
        trained: Whether the weights have learnt anything; values of others are notes.
    """
    found = []
    for accelerator in accelerators:
        half = accelerator.always_half or recipe.arithmetic == "fp16"
        for rule in rules_for(accelerator.name, chip):
            if rule.check in RANGE_CHECKS:
                if ranges is None or not half:
                    continue
                hits, measured = out_of_range(graph, ranges, rule), True
            elif rule.check in CHECKS:
                if rule.check in ("kept-float32", "chosen-rows") and not half:
                    continue
                hits, measured = CHECKS[rule.check](graph, rule), False
            else:
                continue
            demoted = measured and not trained
            found += list(_findings(graph, rule, accelerator.name, hits, demoted=demoted))
    return found


def general_finding(rule: Rule, accelerator: str | None, graph: str | None, detail: str) -> Finding:
    """Makes the finding of a rule that is broken by no single operator."""
    installed = rule.installed()
    standing = rule.standing(installed)
    return Finding(
        rule=rule.name,
        accelerator=accelerator,
        # What the installed runtime has mended is good to know: phones may hold an older one.
        severity="note" if standing == "fixed" else rule.severity,
        standing=standing,
        seen_with=" ".join(filter(None, (rule.runtime, rule.seen_with))) if rule.seen_with else None,
        installed=installed,
        graph=graph,
        module="",
        role=None,
        operator="",
        inputs=(),
        outputs=(),
        macs=None,
        mac_share=None,
        bytes_moved=None,
        detail=detail,
        says=rule.says,
        mend=rule.mend,
        evidence=rule.evidence,
    )


def _findings(
    graph: Examined, rule: Rule, accelerator: str, hits: Iterable[Hit], *, demoted: bool
) -> Iterator[Finding]:
    for node, detail in hits:
        module, macs = module_of(node), graph.macs.get(node.name)
        finding = general_finding(rule, accelerator, graph.contract.graph, detail)
        if demoted:
            finding = msgspec.structs.replace(finding, severity="note", detail=f"{detail}{_MEANINGLESS}")
        yield msgspec.structs.replace(
            finding,
            module=module,
            role=graph.role(module),
            operator=operator_name(node),
            inputs=tuple(shape for source in node.all_input_nodes for shape in shapes_of(source)),
            outputs=shapes_of(node),
            macs=macs,
            mac_share=None if macs is None else macs / max(1, graph.total_macs),
            bytes_moved=graph.bytes_moved(node),
        )
