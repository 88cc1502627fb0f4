"""Reading a pickle as data: nothing that it names is imported, called or made.

The few instructions with which `torch.save` writes are carried out here, on texts, small numbers, dicts and
lists. What a pickle names stays a name (`Named`), what it would make stays a note of that (`Inert`), unless
it is among the few things that the reader knows how to make itself. Any other instruction is refused, and so
are more than two million, so that what a pickle takes is bounded by its bytes. What it holds may share parts
by the memo, a few bytes for each use: nothing here, and no maker, may print, hash, compare or copy a value
before it is known to be small.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping, Sequence
from typing import IO, NamedTuple

MAX_INSTRUCTIONS = 2_000_000
_LONGEST_TEXT = 4096
_LONGEST_NAME = 200

_LITERALS = (
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINSTRING", "SHORT_BINSTRING"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
)
_INT64 = range(-(2**63), 2**63)
_MARK = object()


class Named(NamedTuple):
    """A class or function that a pickle names; never imported."""

    module: str
    name: str

    def __str__(self) -> str:
        """Returns the name with its module."""
        return f"{self.module}.{self.name}"


class Inert:
    """Stands for an object that was not made.

    Args:
        kind: What it would have been, as in "numpy.ndarray".
    """

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind


class PickleTreeError(Exception):
    """A pickle that is damaged, or uses an instruction that weights never need."""


Maker = Callable[[Sequence[object]], object]
"""Makes a value from the arguments that a pickle gives."""


class PickleReader:
    """Reads pickles with the same makers, one after the other.

    Args:
        makers: What this reader makes itself, by the full name that pickles use.
        stored: Makes the value of a reference to something outside the pickle.
    """

    def __init__(self, makers: Mapping[str, Maker], stored: Callable[[object], object]) -> None:
        self._makers = makers
        self._stored = stored

    def read(self, stream: IO[bytes]) -> object:
        """Reads one pickle, up to its end.

        Args:
            stream: In memory: lengths that a pickle claims are read at once.

        Raises:
            PickleTreeError: If it is damaged, too long, or uses other instructions.
            Exception: Whatever a damaged pickle or a maker leads to.
        """
        machine = _Machine(self._makers, self._stored)
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if count > MAX_INSTRUCTIONS:
                raise PickleTreeError(f"more than {MAX_INSTRUCTIONS:,} instructions")
            if opcode.name == "STOP":
                return machine.stack.pop()
            machine.step(opcode.name, argument)
        raise PickleTreeError("it has no end")


class _Machine:
    """The stack and the memory of one pickle, and what its instructions do to them."""

    def __init__(self, makers: Mapping[str, Maker], stored: Callable[[object], object]) -> None:
        self.stack: list[object] = []
        self._memo: dict[int, object] = {}
        self._given = 0
        self._makers = makers
        self._stored = stored
        self._steps: Mapping[str, Callable[[object], None]] = {
            **dict.fromkeys(_LITERALS, lambda value: self.stack.append(_literal(value))),
            **dict.fromkeys(("BINPUT", "LONG_BINPUT", "MEMOIZE"), self._keep),
            **dict.fromkeys(("BINGET", "LONG_BINGET"), self._fetch),
            **dict.fromkeys(("PROTO", "FRAME"), lambda _: None),
            "NONE": lambda _: self.stack.append(None),
            "NEWTRUE": lambda _: self.stack.append(True),
            "NEWFALSE": lambda _: self.stack.append(False),
            "EMPTY_DICT": lambda _: self.stack.append({}),
            "EMPTY_LIST": lambda _: self.stack.append([]),
            "EMPTY_TUPLE": lambda _: self.stack.append(()),
            "EMPTY_SET": lambda _: self.stack.append(Inert("set")),
            "FROZENSET": lambda _: self._replace(self._since_mark(), Inert("frozenset")),
            "POP": lambda _: self._last(1).clear(),
            "POP_MARK": lambda _: self._since_mark().clear(),
            "MARK": lambda _: self.stack.append(_MARK),
            "TUPLE": lambda _: self.stack.append(tuple(self._since_mark())),
            "TUPLE1": lambda _: self.stack.append(tuple(self._last(1))),
            "TUPLE2": lambda _: self.stack.append(tuple(self._last(2))),
            "TUPLE3": lambda _: self.stack.append(tuple(self._last(3))),
            "APPEND": lambda _: self._append(self._last(1)),
            "APPENDS": lambda _: self._append(self._since_mark()),
            "SETITEM": lambda _: self._set(self._last(2)),
            "SETITEMS": lambda _: self._set(self._since_mark()),
            "ADDITEMS": lambda _: self._append(self._since_mark()),
            "GLOBAL": lambda value: self._name(*str(value).split(" ", 1)),
            "STACK_GLOBAL": lambda _: self._name(*self._last(2)),
            "REDUCE": lambda _: self._make(*self._last(2)),
            "NEWOBJ": lambda _: self._make(*self._last(2)),
            "NEWOBJ_EX": lambda _: self._make(*self._last(3)),
            # The state of an object: what is made here needs none.
            "BUILD": lambda _: self._last(1).clear(),
            "BINPERSID": lambda _: self.stack.append(self._stored(self.stack.pop())),
        }

    def step(self, name: str, argument: object) -> None:
        """Carries out one instruction."""
        if name not in self._steps:
            raise PickleTreeError(f"the instruction {name}, which weights never need")
        self._steps[name](argument)

    def _keep(self, place: object) -> None:
        self._memo[place if isinstance(place, int) else len(self._memo)] = self.stack[-1]

    def _fetch(self, place: object) -> None:
        assert isinstance(place, int)
        self.stack.append(self._memo[place])

    def _replace(self, items: list[object], value: object) -> None:
        items.clear()
        self.stack.append(value)

    def _name(self, module: object, name: object) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise PickleTreeError("a name that is no text")
        if len(module) + len(name) > _LONGEST_NAME:
            raise PickleTreeError("a name that is too long")
        self.stack.append(Named(module, name))

    def _make(self, function: object, arguments: object, named: object = None) -> None:
        maker = self._makers.get(str(function)) if isinstance(function, Named) else None
        if maker and isinstance(arguments, tuple) and not named:
            self._charge(arguments)
            self.stack.append(maker(arguments))
        else:
            self.stack.append(Inert(str(function) if isinstance(function, Named) else "object"))

    def _charge(self, arguments: tuple[object, ...]) -> None:
        """Counts each item that a maker is given, since one list may be given to many."""
        self._given += len(arguments)
        if self._given <= MAX_INSTRUCTIONS:
            self._given += sum(len(item) for item in arguments if isinstance(item, list | tuple))
        if self._given > MAX_INSTRUCTIONS:
            raise PickleTreeError(f"more than {MAX_INSTRUCTIONS:,} arguments")

    def _append(self, items: list[object]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(items)
        elif not isinstance(target, Inert):
            raise PickleTreeError("items for something that is no list")

    def _set(self, items: list[object]) -> None:
        target = self.stack[-1]
        if isinstance(target, dict):
            target.update((dict_key(key), value) for key, value in zip(items[::2], items[1::2], strict=True))
        elif not isinstance(target, Inert):
            raise PickleTreeError("items for something that is no dict")

    def _last(self, count: int) -> list[object]:
        if len(self.stack) < count:
            raise PickleTreeError("too few values")
        taken = self.stack[-count:]
        del self.stack[-count:]
        return taken

    def _since_mark(self) -> list[object]:
        items: list[object] = []
        while (item := self.stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]


def dict_key(key: object) -> object:
    """Returns a text as it is, and a note of any other key, since numbers can be made to hash alike."""
    return key if isinstance(key, str) else Inert(type(key).__name__)


def _literal(value: object) -> object:
    """Keeps numbers of 64 bits and texts of the length of names; arrays saved as text take memory."""
    is_long = (isinstance(value, str) and len(value) > _LONGEST_TEXT) or (
        isinstance(value, int) and value not in _INT64
    )
    return Inert(type(value).__name__) if is_long or isinstance(value, bytes | bytearray) else value
