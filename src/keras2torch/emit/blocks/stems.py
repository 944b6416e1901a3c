"""What layers' names have in common: how blocks are found more surely, and what they are called."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence

# Names that Keras gives layers itself say nothing.
AUTOMATIC = re.compile(
    r"(add|subtract|concatenate|multiply|average|activation|re_lu|leaky_re_lu|dropout|flatten|"
    r"dense|reshape|(separable_|depthwise_)?conv\dd(_transpose)?|zero_padding\dd|identity|"
    r"(batch|layer|group)_normalization|[a-z]+_pooling\dd|multi_head_attention|"
    r"custom_scale_layer)(_\d+)?"
)


def words(name: str) -> list[str]:
    """The words of a layer's name."""
    return [word for word in re.split(r"[^A-Za-z0-9]+", name) if word]


def common_stem(names: Sequence[str]) -> str:
    """The words that all names begin with, but for names that Keras gave itself."""
    own = [name for name in names if not AUTOMATIC.fullmatch(name)]
    columns = zip(*(words(name) for name in own), strict=False)
    same = itertools.takewhile(lambda column: len(set(column)) == 1, columns)
    return "_".join(column[0] for column in same)


def stem_of(names: Sequence[str]) -> str:
    """What the names of a block's layers begin with: all of them, or else most; or else the name
    of the last."""
    stem = common_stem(names)
    if stem:
        return stem
    firsts = [words(name)[0] for name in names if words(name) and not AUTOMATIC.fullmatch(name)]
    for first, times in Counter(firsts).most_common(1):
        if times * 2 >= len(names) and re.search(r"\d", first):
            return first
    return "" if AUTOMATIC.fullmatch(names[-1]) else "_".join(words(names[-1]))


def stems(names: Sequence[str], count: int) -> list[str]:
    """The first words of each name; one that Keras gave stands with those around it."""
    found: list[str | None] = [
        None if AUTOMATIC.fullmatch(name) else "_".join(words(name)[:count]) for name in names
    ]
    after: str | None = None
    filled: list[str] = []
    for own in reversed(found):
        after = own or after
        filled.append(after or "")
    before: str | None = None
    for place, (own, behind) in enumerate(zip(found, filled[::-1], strict=True)):
        before = own or before
        found[place] = own or (before if before == behind else "")
    return [stem or "" for stem in found]


def begins(name: str, stem: str) -> bool:
    """Whether a name begins with the words of a stem."""
    return words(name)[: len(words(stem))] == words(stem)


def pattern(stem: str) -> str:
    """A stem without its numbers and counting letters: ``block#@`` for ``block2a``."""
    return re.sub(r"(?<=#)[a-z]\b", "@", re.sub(r"\d+", "#", stem))
