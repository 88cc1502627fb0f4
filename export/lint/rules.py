"""The rules: what goes wrong on which accelerator, who saw it with which version, and what mends it."""

from __future__ import annotations

import functools
import re
import tomllib
from importlib import resources
from typing import Annotated, Literal

import msgspec

from rapsam.export.backends.packages import installed_versions

Severity = Literal["error", "warning", "note"]
Standing = Literal["current", "stale", "fixed", "unknown"]
"""How a rule stands to the runtime that is installed here.

- current: seen with this version, or a later one.
- stale: seen with an older one; nobody has looked since.
- fixed: the installed one is right again.
- unknown: the rule, or this machine, has no version.
"""

Name = Annotated[str, msgspec.Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$")]
Text = Annotated[str, msgspec.Meta(min_length=1)]
_PARTS = re.compile(r"\d+|[a-z]+")


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fact about accelerators.

    Attributes:
        name: For reports.
        accelerators: Those that it is about, by the names that targets declare; none for a rule of any phone.
        severity: "error" for a wrong result or none, "warning" for what leaves the accelerator, or a "note".
        check: What finds it; see `rapsam.export.lint.checks`.
        says: What happens.
        date: Day of the report, or on which it was read, ISO 8601; None if neither is known.
        evidence: Addresses, or what study.
        mend: The exact rewrite or the recipe that mends it.
        chips: What the names of the chips begin with that it is about; all chips if empty.
        runtime: Package whose version tells whether the rule is stale; None for what no package here runs.
        seen_with: Version that it was seen with; None if that is not known.
        fixed_in: First version that is right again; None as long as there is none.
        limit: Number of the check, if it has one.
        operators: Names of PyTorch's operators, with the overload or without, for checks that go by a list.
        file_operators: The same in the words of the accelerator's format, for files.
    """

    name: Name
    accelerators: tuple[str, ...]
    severity: Severity
    check: Name
    says: Text
    evidence: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]
    mend: Text
    chips: tuple[str, ...] = ()
    runtime: str | None = None
    seen_with: str | None = None
    date: Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\d$")] | None = None
    fixed_in: str | None = None
    limit: float | None = None
    operators: tuple[str, ...] = ()
    file_operators: tuple[str, ...] = ()

    @property
    def bound(self) -> float:
        """The limit of a check that has one."""
        assert self.limit is not None, f"rule {self.name} has no limit"
        return self.limit

    def standing(self, installed: str | None) -> Standing:
        """Says how the rule stands to a version of its runtime; None for one that is not installed."""
        if installed is None or self.runtime is None:
            return "unknown"
        if self.fixed_in is not None and version_key(installed) >= version_key(self.fixed_in):
            return "fixed"
        if self.seen_with is None:
            return "unknown"
        return "stale" if version_key(self.seen_with) < version_key(installed) else "current"

    def installed(self) -> str | None:
        """Returns the version of its runtime that is installed here; None if there is none."""
        return None if self.runtime is None else installed_versions((self.runtime,)).get(self.runtime)


class _Rules(msgspec.Struct, forbid_unknown_fields=True):
    rule: tuple[Rule, ...]


@functools.cache
def load_rules() -> tuple[Rule, ...]:
    """Reads the rules that come with the package, in the order of the file."""
    text = resources.files("rapsam.export.lint").joinpath("rules.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _Rules).rule


def find_rule(check: str) -> Rule:
    """Returns the one rule with this check, of those that are about any phone."""
    (rule,) = (rule for rule in load_rules() if rule.check == check)
    return rule


def rules_for(accelerator: str, chip: str | None = None) -> tuple[Rule, ...]:
    """Lists the rules about an accelerator.

    Args:
        accelerator: Its name.
        chip: Of the phone; None, for any phone, lists the rules about all chips.
    """
    return tuple(
        rule
        for rule in load_rules()
        if accelerator in rule.accelerators
        and (chip is None or not rule.chips or chip.startswith(rule.chips))
    )


def version_key(version: str) -> tuple[tuple[int, ...], tuple[int, str, int]]:
    """Returns a key by which versions sort as their makers mean them: 1.9 < 1.10 and 1.0b2 < 1.0b3 < 1.0.

    Args:
        version: Such as "2.1.6" or "1.0.0b3"; a local part, as in "2.13.0+cpu", is left out.
    """
    numbers: list[int] = []
    before = (1, "", 0)
    parts = _PARTS.findall(version.partition("+")[0].lower())
    for place, part in enumerate(parts):
        if not part.isdecimal():
            behind = parts[place + 1] if place + 1 < len(parts) else ""
            before = (0, part, int(behind) if behind.isdecimal() else 0)
            break
        numbers.append(int(part))
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers), before
