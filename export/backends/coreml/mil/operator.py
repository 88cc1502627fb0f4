"""What the tables of operators have in common.

An operator is a function of the operator's inputs, under the names that Apple gives them. An input annotated
as a number, a string, or a list of them is an attribute: the program must have it as a constant. All others
are tensors, or lists of tensors; they may also be constants.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from rapsam.errors import BundleError

Result = Tensor | tuple[Tensor, ...]
Operator = Callable[..., Result]


def require(known: bool, what: str) -> None:
    """Raises `BundleError` unless a form of an operator is known.

    Args:
        known: Whether it is.
        what: The form, as in "padding 'same'".
    """
    if not known:
        raise BundleError(f"the emulation of Core ML does not know {what}; run the package on a Mac")
