"""Steps that make texts of the web more alike before they are split into words.

They are for models whose embeddings were trained on clean text: the more of the words are known,
the better (``embeddings.Coverage`` tells how many are).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial

# What stands behind the apostrophe, and what it stands for. "'s" may be "is" or a genitive, so it
# is only split off.
CONTRACTIONS: Mapping[str, str] = {
    "ain't": "is not",
    "can't": "cannot",
    "shan't": "shall not",
    "won't": "will not",
    "let's": "let us",
    "y'all": "you all",
    "ma'am": "madam",
    "o'clock": "of the clock",
}
ENDINGS: Mapping[str, str] = {
    "n't": " not",
    "'ll": " will",
    "'ve": " have",
    "'re": " are",
    "'d": " would",
    "'m": " am",
    "'s": " 's",
}
APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u00b4`\u02bc", "'"))
# Not \w: an underscore separates words here, as every other sign does.
SIGN = re.compile(r"[^\w\s']|_")
DIGITS = re.compile(r"\d{2,}")
ENDING = re.compile(r"(?i)(?<=[a-z])(" + "|".join(map(re.escape, ENDINGS)) + r")\b")
LONGEST_NUMBER = 5


def lower(text: str) -> str:
    """Small letters."""
    return text.lower()


def contractions(text: str, table: Mapping[str, str] = CONTRACTIONS) -> str:
    """``don't`` as ``do not``; ``table`` has whole words, small, that ``ENDINGS`` would spoil."""
    text = text.translate(APOSTROPHES)
    if table is CONTRACTIONS and "'" not in text:  # quicker than to look at each word
        return text
    return ENDING.sub(lambda match: ENDINGS[match[0].lower()], _replaced(text, table))


def misspellings(text: str, table: Mapping[str, str]) -> str:
    """Whole words replaced as ``table`` (small letters) says."""
    return _replaced(text, table)


def punctuation(text: str) -> str:
    """A space around every sign that is no letter, digit or apostrophe."""
    return " ".join(SIGN.sub(lambda match: f" {match[0]} ", text).split())


def numbers(text: str) -> str:
    """Numbers of two digits and more as ``##`` to ``#####``, the only form in which word2vec and
    many others know them."""
    return DIGITS.sub(lambda match: "#" * min(len(match[0]), LONGEST_NUMBER), text)


STEPS: Mapping[str, Callable[[str], str]] = {
    "lower": lower,
    "contractions": contractions,
    "punctuation": punctuation,
    "numbers": numbers,
}


def clean(
    texts: Iterable[str],
    steps: Iterable[str] = ("lower", "contractions", "punctuation", "numbers"),
    spelling: Mapping[str, str] | None = None,
) -> list[str]:
    """The texts after these ``steps``, by name in ``STEPS``; ``spelling`` is applied last.

    Raises:
        KeyError: a step that there is not.
    """
    chosen = [STEPS[step] for step in steps]
    if spelling:
        chosen.append(partial(misspellings, table=spelling))
    cleaned = []
    for text in texts:
        for step in chosen:
            text = step(text)
        cleaned.append(text)
    return cleaned


def _replaced(text: str, table: Mapping[str, str]) -> str:
    """Whole words replaced, whatever their case; a word with an apostrophe is one word."""
    return re.sub(
        r"[\w']+", lambda match: table.get(match[0].lower(), match[0]) if table else match[0], text
    )
