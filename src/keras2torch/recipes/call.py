"""A call in ``train.py``: of a class or function of torch's or of ``training/``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from keras2torch.ir.literals import literal

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


@dataclass(frozen=True)
class Function:
    """A function of ``training/`` as an argument: handed over, not called."""

    name: str

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name")

    def source(self) -> str:
        """The function's name."""
        return self.name

    def helpers(self) -> set[str]:
        """The function itself, of ``training/``."""
        return {self.name}


@dataclass(frozen=True)
class Call:
    """``function(*args, **options)`` with plain arguments, functions, or other calls.

    ``function`` is written as it is called: ``torch.optim.SGD``, or ``Adam`` for a definition of
    ``training/``, which is then cut into the file.
    """

    function: str
    args: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (self.function, *self.options):
            if not NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name")

    def source(self, *first: str) -> str:
        """The call as text; ``first`` are expressions that stand in front of its arguments."""
        options = [f"{name}={_written(value)}" for name, value in self.options.items()]
        return f"{self.function}({', '.join([*first, *map(_written, self.args), *options])})"

    def helpers(self) -> set[str]:
        """The definitions of ``training/`` that the call needs."""
        inner = [v for v in (*self.args, *self.options.values()) if isinstance(v, Call | Function)]
        own = set() if "." in self.function else {self.function}
        return own.union(*(part.helpers() for part in inner))


def _written(value: Any) -> str:
    return value.source() if isinstance(value, Call | Function) else literal(value)
