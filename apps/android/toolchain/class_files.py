"""Class files that a compiler reads and nobody runs: the public API, without a line of code."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping

from apps.android.toolchain.constants import ConstantPool, constant_value
from apps.android.toolchain.descriptors import TypeNames, Variables, is_generic
from apps.android.toolchain.signatures import ApiClass, ApiField, ApiMethod

_FLAGS = {
    "public": 0x1,
    "private": 0x2,
    "protected": 0x4,
    "static": 0x8,
    "final": 0x10,
    "volatile": 0x40,
    "transient": 0x80,
    "abstract": 0x400,
}
_SUPER, _VARARGS, _ABSTRACT, _ENUM = 0x20, 0x80, 0x400, 0x4000
_KINDS = {"class": 0, "interface": 0x600, "@interface": 0x2600, "enum": _ENUM}
_JAVA_8 = 52
_THROW_NULL = b"\x01\xbf"
_NESTED = re.compile(r"[a-z][\w.]*\.[A-Z]\w*(?:\.[A-Z]\w*)+")

Attributes = list[tuple[int, bytes]]
"""Constants of their names, and their contents."""


def class_file(full: str, classes: Mapping[str, ApiClass], names: TypeNames) -> bytes:
    """Writes the class file of a class.

    Args:
        full: Its full name.
        classes: All of them.
        names: Of their types.
    """
    return _ClassFile(full, classes, names).content()


class _ClassFile:
    def __init__(self, full: str, classes: Mapping[str, ApiClass], names: TypeNames) -> None:
        self._full, self._classes, self._names = full, classes, names
        self._class = classes[full]
        self._pool = ConstantPool()
        self._variables = self._visible_variables()

    def content(self) -> bytes:
        found, pool = self._class, self._pool
        interfaces = [self._names.class_of(name, self._variables) for name in self._interfaces()]
        body = struct.pack(
            ">HHH",
            _class_flags(found) & ~_FLAGS["static"] & ~_FLAGS["protected"]
            | (0 if found.is_interface else _SUPER),
            pool.class_name(self._names.internal(self._full)),
            pool.class_name(self._superclass()),
        )
        body += _counted(struct.pack(">H", pool.class_name(name)) for name in interfaces)
        body += _counted(map(self._field, found.fields)) + _counted(map(self._method, found.methods))
        body += _written(self._attributes())
        return struct.pack(">IHH", 0xCAFEBABE, 0, _JAVA_8) + pool.content() + body

    def _visible_variables(self) -> Variables:
        variables: dict[str, str] = {}
        if "static" not in self._class.modifiers:
            for around in self._class.around:
                if around in self._classes:
                    variables |= self._names.variables(self._classes[around].parameters)
        return variables | self._names.variables(self._class.parameters)

    def _interfaces(self) -> tuple[str, ...]:
        found = self._class.extends if self._class.is_interface else self._class.implements
        return (*found, "java.lang.annotation.Annotation") if self._class.kind == "@interface" else found

    def _superclass(self) -> str:
        if self._class.kind == "enum":
            return "java/lang/Enum"
        if self._class.is_interface or not self._class.extends:
            return "java/lang/Object"
        return self._names.class_of(self._class.extends[0], self._variables)

    def _field(self, field: ApiField) -> bytes:
        attributes: Attributes = []
        descriptor = self._names.descriptor(field.type, self._variables)
        if {"static", "final"} <= field.modifiers and field.value:
            constant = constant_value(self._pool, descriptor, field.value)
            if constant is not None:
                attributes.append((self._pool.text("ConstantValue"), struct.pack(">H", constant)))
        if is_generic(field.type, self._variables):
            attributes.append(self._signature(self._names.signature(field.type, self._variables)))
        flags = _member_flags(field.modifiers) | (_ENUM if field.is_enum_constant else 0)
        head = struct.pack(">HHH", flags, self._pool.text(field.name), self._pool.text(descriptor))
        return head + _written(attributes)

    def _method(self, method: ApiMethod) -> bytes:
        variables = {**self._variables, **self._names.variables(method.parameters)}
        arguments = [self._names.descriptor(name, variables) for name in method.arguments]
        outer = self._outer_instance(method)
        returns = self._names.descriptor(method.returns, variables)
        flags = _member_flags(method.modifiers) & ~_FLAGS["transient"] & ~_FLAGS["volatile"]
        if self._class.is_interface and not method.modifiers & {"static", "default"}:
            flags |= _ABSTRACT
        if method.arguments and method.arguments[-1].endswith("..."):
            flags |= _VARARGS
        attributes: Attributes = []
        if not flags & _ABSTRACT:
            slots = 1 + len(outer) + sum(2 if name in ("J", "D") else 1 for name in arguments)
            code = struct.pack(">HHI", 1, slots, len(_THROW_NULL)) + _THROW_NULL + struct.pack(">HH", 0, 0)
            attributes.append((self._pool.text("Code"), code))
        if method.parameters or any(
            is_generic(name, variables) for name in (*method.arguments, method.returns)
        ):
            attributes.append(self._signature(self._method_signature(method, variables)))
        if method.throws:
            thrown = (self._names.class_of(name, variables) for name in method.throws)
            packed = _counted(struct.pack(">H", self._pool.class_name(name)) for name in thrown)
            attributes.append((self._pool.text("Exceptions"), packed))
        descriptor = self._pool.text(f"({''.join((*outer, *arguments))}){returns}")
        return struct.pack(">HHH", flags, self._pool.text(method.name), descriptor) + _written(attributes)

    def _outer_instance(self, method: ApiMethod) -> tuple[str, ...]:
        """Returns the first argument that a constructor of an inner class has beside its own."""
        found = self._class
        if method.name != "<init>" or "." not in found.name or "static" in found.modifiers:
            return ()
        return (f"L{self._names.internal(found.around[-1])};",)

    def _method_signature(self, method: ApiMethod, variables: Variables) -> str:
        parameters = self._names.parameters(method.parameters, variables)
        arguments = "".join(self._names.signature(name, variables) for name in method.arguments)
        return f"{parameters}({arguments}){self._names.signature(method.returns, variables)}"

    def _attributes(self) -> Attributes:
        found, attributes = self._class, Attributes()
        if found.parameters or found.kind == "enum" or "<" in "".join(found.extends + found.implements):
            above = f"L{self._superclass()};"
            if found.kind == "enum":
                above = f"Ljava/lang/Enum<L{self._names.internal(self._full)};>;"
            elif found.extends and not found.is_interface:
                above = self._names.signature(found.extends[0], self._variables)
            written = self._names.parameters(found.parameters, self._variables) + above
            written += "".join(self._names.signature(name, self._variables) for name in self._interfaces())
            attributes.append(self._signature(written))
        inner = [self._inner_class(name) for name in sorted(self._nested_classes())]
        if inner:
            attributes.append((self._pool.text("InnerClasses"), _counted(inner)))
        return attributes

    def _nested_classes(self) -> set[str]:
        """Lists all nested classes that this one holds, lies in or names: a compiler must be told of them."""
        found = self._class
        types = [*found.extends, *found.implements, *(field.type for field in found.fields)]
        for method in found.methods:
            types += [method.parameters, method.returns, *method.arguments, *method.throws]
        named = {self._full, *(name for text in types for name in _NESTED.findall(text))}
        named |= {name for name in self._classes if name.startswith(f"{self._full}.")}
        chains = {part for name in named & set(self._classes) for part in (*self._classes[name].around, name)}
        return {name for name in chains if name in self._classes and "." in self._classes[name].name}

    def _inner_class(self, full: str) -> bytes:
        found = self._classes[full]
        return struct.pack(
            ">HHHH",
            self._pool.class_name(self._names.internal(full)),
            self._pool.class_name(self._names.internal(found.around[-1])),
            self._pool.text(found.name.rpartition(".")[2]),
            _class_flags(found),
        )

    def _signature(self, text: str) -> tuple[int, bytes]:
        return self._pool.text("Signature"), struct.pack(">H", self._pool.text(text))


def _class_flags(found: ApiClass) -> int:
    return _member_flags(found.modifiers) | _KINDS[found.kind]


def _member_flags(modifiers: Iterable[str]) -> int:
    return sum(_FLAGS.get(name, 0) for name in modifiers)


def _counted(entries: Iterable[bytes]) -> bytes:
    listed = list(entries)
    return struct.pack(">H", len(listed)) + b"".join(listed)


def _written(attributes: Attributes) -> bytes:
    return _counted(struct.pack(">HI", name, len(content)) + content for name, content in attributes)
