"""A parser of verbs that may have verbs of their own, and reports a wrong call in one line."""

from __future__ import annotations

import argparse
import itertools
import re
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import NoReturn

from rapsam.cli.arguments import decimal, whole_number
from rapsam.errors import InputError, unknown_name


class Parser(argparse.ArgumentParser):
    """Names what is misspelt before argparse complains of what is missing without it."""

    _verbs: Mapping[str, Parser] = {}
    _kind = ""

    def add_verbs(self, modules: Mapping[str, ModuleType], kind: str, run: str) -> None:
        """Adds verbs.

        Args:
            modules: For each name a module with SUMMARY, EXAMPLE, `add_arguments` and `run`.
            kind: What they are called, as in "verb".
            run: The option that will hold the verb's `run`.
        """
        group = self.add_subparsers(title=f"{kind}s", metavar=kind.upper(), required=True)
        verbs = {}
        for name, module in modules.items():
            verbs[name] = group.add_parser(
                name,
                help=module.SUMMARY,
                description=module.SUMMARY,
                epilog=f"example: {module.EXAMPLE}",
                formatter_class=argparse.RawDescriptionHelpFormatter,
                allow_abbrev=False,
            )
            # For `type=int` and `type=float`: Python's own readers also take digits of other scripts.
            verbs[name].register("type", int, whole_number)
            verbs[name].register("type", float, decimal)
            module.add_arguments(verbs[name])
            verbs[name].set_defaults(**{run: module.run})
        self._verbs, self._kind = verbs, kind

    def check(self, arguments: Sequence[str]) -> None:
        """Raises `InputError` for a verb or an option that does not exist."""
        verb = next((argument for argument in arguments if not argument.startswith("-")), None)
        if not self._verbs or verb is None:
            self._check_options(arguments)
        elif verb not in self._verbs:
            raise unknown_name(self._kind, verb, self._verbs)
        else:
            place = arguments.index(verb)
            self._check_options(arguments[:place])
            self._verbs[verb].check(arguments[place + 1 :])

    def error(self, message: str) -> NoReturn:
        """Raises what is wrong, like every other error."""
        raise InputError(f"{message}; see '{self.prog} --help'")

    def _check_options(self, arguments: Sequence[str]) -> None:
        # No option takes a value that begins with two dashes.
        known = {"--help", *re.findall(r"--[a-z][a-z-]*", self.format_usage())}
        for argument in itertools.takewhile(lambda argument: argument != "--", arguments):
            name, _, value = argument.partition("=")
            if name.startswith("--") and name not in known:
                raise unknown_name("option", name, known)
            # argparse would take it for the end of all options, and the option for an empty list.
            if value == "--":
                raise InputError(f"{name} is given '--'; expected a value")
