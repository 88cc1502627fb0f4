"""How many bundles a search may look at as a whole, and how sure each must be.

A search takes a bundle that holds the limits: with each look chance has another try. So no more than `LOOKS`
bundles are looked at, and the errors of all that are accepted wrongly add up to 0.05 (Bonferroni): the first
may err with 0.025, the others together with as much. Which bundles are looked at depends on the looks before,
which this does not count.
"""

from __future__ import annotations

from collections.abc import Mapping

from rapsam.errors import BudgetError
from rapsam.export.budget.limits import excess, holds
from rapsam.export.bundle.quantisation import Figure, FigureDrop

LOOKS = 20
T_FIRST, T_NEXT = 2.093, 3.459
"""Quantiles of Student's t with 19 degrees of freedom at 1 - 0.025 and 1 - 0.025 / 19: errors come from 20
groups of images."""


class Looks:
    """Counts bundles, and judges them.

    Args:
        limits: Points that may be lost, by figure.

    Attributes:
        left: How many more may be looked at.
        t: Quantile for the last one.
    """

    def __init__(self, limits: Mapping[Figure, float]) -> None:
        self._limits = limits
        self.left = LOOKS
        self.t = T_FIRST

    def take(self) -> None:
        """Counts one.

        Raises:
            BudgetError: If there were as many as may be.
        """
        if not self.left:
            raise BudgetError(
                f"the search has looked at {LOOKS} bundles, and one more would hold by chance; forms "
                "of graphs changed by the clock meanwhile: allow more, or take more images"
            )
        self.t = T_FIRST if self.left == LOOKS else T_NEXT
        self.left -= 1

    def hold(self, drops: tuple[FigureDrop, ...]) -> bool:
        """Says whether the limits hold with the whole confidence interval."""
        return holds(drops, self._limits, self.t)

    def excess(self, drops: tuple[FigureDrop, ...]) -> float:
        """Returns by how many points the worst figure's interval is over its limit; negative if none is."""
        return excess(drops, self._limits, self.t)
