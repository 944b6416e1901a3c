"""Arguments that follow from others, so that nobody has to give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from keras2torch.emit.blocks.unify import Slot

FACTORS = range(2, 13)
Values = tuple[str | None, ...]


@dataclass
class Argument:
    """Slots that always agree. ``text`` is what stands in their place: a name, or a multiple of
    another argument."""

    role: str
    values: Values
    slots: list[Slot] = field(default_factory=list)
    text: str = ""
    derived: bool = False

    def fits(self, role: str, values: Values) -> bool:
        pairs = zip(self.values, values, strict=True)
        overlap = any(a is not None and a == b for a, b in pairs)
        pairs = zip(self.values, values, strict=True)
        return self.role == role and overlap and all(a == b or None in (a, b) for a, b in pairs)

    def take(self, slot: Slot) -> None:
        self.slots.append(slot)
        pairs = zip(self.values, slot.values, strict=True)
        self.values = tuple(b if a is None else a for a, b in pairs)

    def of(self, instances: Sequence[int]) -> Argument:
        """The argument in some of the instances only."""
        return Argument(self.role, tuple(self.values[n] for n in instances), text=self.text)

    def equals(self, other: Argument) -> bool:
        """Whether this one has every value of the other, which is of its kind."""
        pairs = zip(self.values, other.values, strict=True)
        return self.role == other.role and all(b in (None, a) for a, b in pairs)

    def fill(self, sizes: Sequence[int | None]) -> None:
        """Values also where no slot has one."""
        pairs = zip(self.values, sizes, strict=True)
        self.values = tuple(str(size) if value is None else value for value, size in pairs)


def derived(argument: Argument, known: Sequence[Argument]) -> str | None:
    """Channels as a multiple or a part of others that have a name; a padding that keeps the size
    as half of its kernel."""
    own = _numbers(argument)
    for other in known:
        numbers = _numbers(other)
        if own is None or numbers is None or len(set(numbers)) < 2:
            continue
        pairs = [(a, b) for a, b in zip(own, numbers, strict=True) if a is not None]
        if not any(b is None for _, b in pairs):
            text = _relation(argument, other, [(a, b or 0) for a, b in pairs])
            if text:
                return text
    return None


def derived_border(argument: Argument, known: Sequence[Argument]) -> str | None:
    """What TensorFlow pads an image of even size with for a stride of 2: half of the kernel, and
    one less in front."""
    for kernel in (other for other in known if other.role == "kernel_size"):
        pairs = [(a, b) for a, b in zip(argument.values, kernel.values, strict=True) if a]
        sizes = [int(b) for _, b in pairs if b is not None and b.isdigit()]
        borders = [str((size // 2 - 1, size // 2) * 2) for size in sizes]
        if argument.role == "padding" and borders == [a for a, _ in pairs]:
            return f"({kernel.text} // 2 - 1, {kernel.text} // 2) * 2"
    return None


def derived_by_flag(
    argument: Argument, known: Sequence[Argument], flags: Mapping[str, Sequence[bool]]
) -> str | None:
    """What follows from others in one way with an optional part, in another without."""
    for flag, present in flags.items():
        texts = []
        for wanted in (True, False):
            here = [n for n, has in enumerate(present) if has is wanted]
            part = argument.of(here)
            given = {value for value in part.values if value is not None}
            same = next((o.text for o in known if o.of(here).equals(part)), None)
            text = same or derived(part, [other.of(here) for other in known])
            # A number of channels that only some have is no rule, but a fact of this model.
            said = argument.role == "padding" and len(given) == 1
            texts.append(text or (given.pop() if said else None))
        if None not in texts and argument.role in ("channels", "padding"):
            return f"{texts[0]} if {flag} else {texts[1]}"
    return None


def _relation(argument: Argument, other: Argument, pairs: Sequence[tuple[int, int]]) -> str | None:
    if (argument.role, other.role) == ("padding", "kernel_size"):
        return f"{other.text} // 2" if all(a == b // 2 for a, b in pairs) else None
    if argument.role != "channels" or other.role != "channels":
        return None
    for factor in FACTORS:
        if all(a == factor * b for a, b in pairs):
            return f"{factor} * {other.text}"
        if all(factor * a == b for a, b in pairs):
            return f"{other.text} // {factor}"
    return None


def _numbers(argument: Argument) -> list[int | None] | None:
    """The values as whole numbers; None where they are something else."""
    if not all(value is None or value.isdigit() for value in argument.values):
        return None
    return [None if value is None else int(value) for value in argument.values]
