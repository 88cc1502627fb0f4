"""The rules of `rapsam lint` as a table."""

from __future__ import annotations

from rapsam.benchmarks.report.markdown import table
from rapsam.export.lint.rules import Rule, load_rules

_HEADER = ("rule", "accelerator", "severity", "what happens", "seen with", "what mends it", "evidence")


def lint_rules_table() -> str:
    """Writes the rules in the order of their file."""
    return table(_HEADER, [_cells(rule) for rule in load_rules()])


def _cells(rule: Rule) -> tuple[str, ...]:
    sources = [
        f"[{number}]({source})" if source.startswith("https://") else source
        for number, source in enumerate(rule.evidence, start=1)
    ]
    return (
        f"`{rule.name}`",
        _about(rule),
        rule.severity,
        rule.says,
        _seen(rule),
        rule.mend,
        ", ".join(sources),
    )


def _about(rule: Rule) -> str:
    chips = f" ({', '.join(rule.chips)})" if rule.chips else ""
    return f"{', '.join(rule.accelerators) or 'any phone'}{chips}"


def _seen(rule: Rule) -> str:
    """Says with what and when; a runtime without a version was seen with one that nobody wrote down."""
    version = rule.seen_with or ("of unknown version" if rule.runtime else None)
    seen = " ".join(part for part in (rule.runtime, version) if part)
    fixed = f"right from {rule.fixed_in}" if rule.fixed_in else ""
    return ", ".join(part for part in (seen, rule.date, fixed) if part)
