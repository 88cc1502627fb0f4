"""All operators that the emulation knows, by Apple's description of them."""

from __future__ import annotations

from rapsam.export.backends.coreml.mil.elementwise import ELEMENTWISE
from rapsam.export.backends.coreml.mil.maps import MAPS
from rapsam.export.backends.coreml.mil.operator import Operator
from rapsam.export.backends.coreml.mil.products import PRODUCTS
from rapsam.export.backends.coreml.mil.roundings import ROUNDINGS
from rapsam.export.backends.coreml.mil.shapes import SHAPES

OPERATORS: dict[str, Operator] = {**ELEMENTWISE, **MAPS, **PRODUCTS, **ROUNDINGS, **SHAPES}

# Their results are values of their inputs, which are rounded already.
EXACT = {*SHAPES, "identity", "maximum", "minimum", "max_pool", "reduce_max", "reduce_min", "relu", "select"}
