"""What JSON is read, and what is refused before or while it is parsed."""

import json
import math
import time
from typing import Any

import pytest

from keras2torch.errors import ConfigError, FormatError, ModelError
from keras2torch.readers import strict_json
from keras2torch.readers.limits import LIMITS, Limits
from keras2torch.readers.strict_json import NonFinite

MAX_BYTES = 1 << 20


def parse(text: str | bytes) -> dict[str, Any]:
    data = text.encode() if isinstance(text, str) else text
    return strict_json.parse(data, "config.json", MAX_BYTES)


def test_values_are_those_of_json() -> None:
    value = {
        "class_name": "Dense",
        "config": {"units": 3, "rate": -0.5, "tiny": 5e-324, "none": None, "flags": [True, False]},
        "name": 'a "quoted" {brace} [bracket] \\ \n \u2028 é',
        "empty": [{}, [], ""],
    }
    assert parse(json.dumps(value)) == value
    assert parse(json.dumps(value, ensure_ascii=False)) == value


def test_lone_surrogates_are_text_as_in_keras() -> None:
    assert parse(r'{"name": "\ud800"}') == {"name": "\ud800"}


def test_bare_constants_become_markers() -> None:
    parsed = parse('{"high": Infinity, "low": -Infinity, "none": NaN}')
    assert parsed["high"] == NonFinite(math.inf)
    assert parsed["low"] == NonFinite(-math.inf)
    assert isinstance(parsed["none"], NonFinite)
    assert math.isnan(parsed["none"].value)
    assert not isinstance(parsed["high"], float)


def test_limits_themselves_are_accepted() -> None:
    depth = LIMITS.json_depth
    digits = "9" * LIMITS.json_integer_digits
    assert parse('{"a":' * depth + "0" + "}" * depth)
    assert parse(f'{{"a": -{digits}}}') == {"a": -int(digits)}
    assert strict_json.parse(b"{}", "config.json", 2) == {}


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        ('{"a": 1, "b": 2, "a": 3}', ConfigError, "key 'a' occurs twice"),
        ('{"x": [{"\\u0061": 1, "a": 1}]}', ConfigError, "key 'a' occurs twice"),
        ('{"a": 123456789012345678901}', ConfigError, "at most 20 digits"),
        ('{"a": -123456789012345678901}', ConfigError, "at most 20 digits"),
        ('{"a": 1e400}', ConfigError, "'1e400' is too large"),
        ('{"a": -1e999999999}', ConfigError, "too large"),
        ("[1]", ConfigError, "found a list"),
        ('"text"', ConfigError, "found text"),
        ("null", ConfigError, "found null"),
        ("true", ConfigError, "found a boolean"),
        ("7", ConfigError, "found a number"),
        ("NaN", ConfigError, "found a number"),
        ("[" * 201 + "]" * 201, ConfigError, "at most 200 levels"),
        ('{"a":' * 100_000, ConfigError, "at most 200 levels"),
        ("[" * 1_000_000, ConfigError, "at most 200 levels"),
        ("", FormatError, "not JSON"),
        ("{", FormatError, "not JSON"),
        ('{"a": 1} {}', FormatError, "not JSON"),
        ("{'a': 1}", FormatError, "not JSON"),
        ('{"a": 01}', FormatError, "not JSON"),
        ('{"a": "\n"}', FormatError, "not JSON"),
        ('{"a": "\\x41"}', FormatError, "not JSON"),
        (b"\xef\xbb\xbf{}", FormatError, "byte order mark"),
        ('{"a": 1}'.encode("utf-16"), FormatError, "not UTF-8"),
        ('{"a": 1}'.encode("utf-16-le"), FormatError, "not JSON"),
        ('{"a": "é"}'.encode("latin-1"), FormatError, "not UTF-8 at byte 7"),
        (b'{"a": "\xed\xa0\x80"}', FormatError, "not UTF-8"),
        (b"{}" + b" " * MAX_BYTES, FormatError, "at most 1048576 bytes"),
    ],
)
def test_refused(data: str | bytes, kind: type[ModelError], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        parse(data)
    assert str(caught.value).startswith("config.json: ")
    assert str(caught.value).isprintable()


def test_too_many_values_are_refused_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict_json, "LIMITS", Limits(json_values=10))
    assert parse('{"a": [1, 2, 3, 4, 5, ",,,,,,,,[[[["]}')
    with pytest.raises(ConfigError, match="at most 10 values expected, found 12"):
        parse('{"a": [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]}')


@pytest.mark.parametrize("unit", ['"\\"', '"', '\\"', '"\\', '{"a":"', '[{"":0},'])
def test_hostile_quotes_take_linear_time(unit: str) -> None:
    start = time.perf_counter()
    with pytest.raises(ModelError):
        parse(unit * (MAX_BYTES // len(unit)))
    assert time.perf_counter() - start < 2


def test_many_keys_with_one_repeated_take_linear_time() -> None:
    keys = ",".join(f'"{number}":0' for number in range(80_000))
    start = time.perf_counter()
    with pytest.raises(ConfigError, match="key '79999' occurs twice"):
        parse(f'{{{keys},"79999":0}}')
    assert time.perf_counter() - start < 2
