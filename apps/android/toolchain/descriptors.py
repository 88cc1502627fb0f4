"""Names of Java's types as class files have them: descriptors, and signatures with type parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping

from apps.android.toolchain.signatures import ApiClass, split_outside

_PRIMITIVE = {
    "boolean": "Z",
    "byte": "B",
    "char": "C",
    "short": "S",
    "int": "I",
    "long": "J",
    "float": "F",
    "double": "D",
    "void": "V",
}
_OBJECT = "java.lang.Object"
_INTERFACES = frozenset(
    ("java.lang.Comparable", "Comparable", "CharSequence", "java.lang.Runnable", "java.util.Collection")
)
"""Of Java itself, those that bounds of type parameters name."""

Variables = Mapping[str, str]
"""Type variable to the class that it stands for."""


class TypeNames:
    """Writes types as class files have them.

    Args:
        classes: Full name to class; all others are taken from how they are written.
    """

    def __init__(self, classes: Mapping[str, ApiClass]) -> None:
        self._classes = classes
        self._inner = {
            full: f"{found.package}.{found.name.replace('.', '$')}".replace(".", "/")
            for full, found in classes.items()
        }

    def internal(self, name: str) -> str:
        """Returns the name of a class, as in "java/util/Map$Entry"."""
        if name in self._inner:
            return self._inner[name]
        if "." not in name:
            return f"java/lang/{name}"
        parts = name.split(".")
        first = next((place for place, part in enumerate(parts) if part[:1].isupper()), len(parts) - 1)
        return "/".join((*parts[:first], "$".join(parts[first:])))

    def variables(self, parameters: str) -> dict[str, str]:
        """Returns the type variables of some type parameters."""
        found = {}
        for parameter in split_outside(parameters):
            name, _, bounds = parameter.partition(" extends ")
            found[name] = split_outside(bounds, "&")[0] if bounds else _OBJECT
        return found

    def class_of(self, name: str, variables: Variables) -> str:
        """Returns the internal name of the class of a type."""
        return self.descriptor(name, variables)[1:-1]

    def descriptor(self, name: str, variables: Variables) -> str:
        """Returns the descriptor of a type, as in "[I"."""
        name, dimensions = _without_dimensions(name)
        bare = re.sub(r"<.*>", "", name)
        if bare in _PRIMITIVE:
            return "[" * dimensions + _PRIMITIVE[bare]
        if bare in variables:
            others = {key: bound for key, bound in variables.items() if key != bare}
            return "[" * dimensions + self.descriptor(variables[bare], others)
        return f"{'[' * dimensions}L{self.internal(bare)};"

    def signature(self, name: str, variables: Variables) -> str:
        """Returns the signature of a type, with its type arguments."""
        name, dimensions = _without_dimensions(name)
        array = "[" * dimensions
        if name == "?":
            return "*"
        for start, mark in (("? extends ", "+"), ("? super ", "-")):
            if name.startswith(start):
                return mark + self.signature(name[len(start) :], variables)
        if name in _PRIMITIVE:
            return array + _PRIMITIVE[name]
        if name.endswith(">"):
            bare, _, inside = name[:-1].partition("<")
            arguments = "".join(self.signature(part, variables) for part in split_outside(inside))
            return f"{array}L{self.internal(bare)}<{arguments}>;"
        if name in variables:
            return f"{array}T{name};"
        return f"{array}L{self.internal(re.sub(r'<.*?>', '', name))};"

    def parameters(self, parameters: str, variables: Variables) -> str:
        """Returns the signature of type parameters; "" for none."""
        written = ""
        for parameter in split_outside(parameters):
            name, _, bounds = parameter.partition(" extends ")
            written += name
            for place, bound in enumerate(split_outside(bounds or _OBJECT, "&")):
                colons = ":" if place or not self._is_interface(bound) else "::"
                written += colons + self.signature(bound, variables)
        return f"<{written}>" if written else ""

    def _is_interface(self, name: str) -> bool:
        bare = re.sub(r"<.*", "", name)
        return bare in _INTERFACES or (bare in self._classes and self._classes[bare].is_interface)


def is_generic(name: str, variables: Variables) -> bool:
    """Tells whether a type has a signature beside its descriptor."""
    return "<" in name or re.split(r"[\[.]", name)[0] in variables


def _without_dimensions(name: str) -> tuple[str, int]:
    name, count = name.strip(), 0
    if name.endswith("..."):
        name, count = name[:-3], 1
    while name.endswith("[]"):
        name, count = name[:-2], count + 1
    return name, count
