"""Models whose masks take unusual ways: the expected values of ``tests/test_masks.py``.

Reads a job on standard input: ``folder``. Per model it writes what ``orders.py`` writes.
"""

import json
import sys

import keras
from keras import layers as L  # noqa: N812
from orders import write


def tokens(name, steps=5):
    return keras.Input((steps,), dtype="int32", name=name)


def words(inputs, size=4):
    return L.Embedding(3, size, mask_zero=True)(inputs)


def taken_in_order():
    """Attention takes its inputs' masks off: who runs later, by Keras' order, finds none."""
    a, b = tokens("a"), tokens("b", 6)
    x, y = words(a), words(b)
    first = L.MultiHeadAttention(2, 3)(y, x)
    second = L.MultiHeadAttention(2, 3)(L.Dense(4)(y), x)
    third = L.MultiHeadAttention(2, 3)(L.Dense(4)(first), x)
    fourth = L.MultiHeadAttention(2, 3)(L.Dense(4)(L.Dense(4)(second)), x)
    rest = [L.Multiply()([x, x]), L.Dense(3)(L.Maximum()([x, x]))]
    return [a, b], [fourth, third, second, first, *rest]


def taken_under_another_name():
    """Dropout returns its very input in inference, so its mask goes with its input's."""
    a = tokens("a")
    x = words(a)
    y = L.Dropout(0.3)(x)
    seen = L.MultiHeadAttention(2, 3)(y, y)
    return a, [L.Multiply()([x, seen]), L.Maximum()([y, seen]), L.Minimum()([seen, seen])]


def taken_inside():
    """A nested model takes off the mask of a tensor outside."""
    a = tokens("a")
    x = words(a)
    steps = keras.Input((5, 4))
    block = keras.Model(steps, L.Dense(4)(L.MultiHeadAttention(2, 3)(steps, steps)), name="block")
    y = block(x)
    return a, [y, L.MultiHeadAttention(2, 3)(y, x), L.Multiply()([x, x])]


def decoder():
    """Two layers that look at the same masked memory: only the first sees its mask."""
    a, b = tokens("a"), tokens("b", 6)
    memory, x = words(a), words(b)
    for _ in range(2):
        y = L.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True)
        x = L.LayerNormalization()(L.Add()([x, y]))
        x = L.LayerNormalization()(L.Add()([x, L.MultiHeadAttention(2, 3)(x, memory)]))
    return [a, b], [x, L.GlobalAveragePooling1D()(memory), L.GlobalAveragePooling1D()(x)]


def out_of_nested():
    """Masks made inside a nested model, beside one output, several, and outputs by name."""
    a, b = tokens("a"), tokens("b")
    inner = tokens("inner")
    one = keras.Model(inner, L.GRU(4, return_sequences=True)(words(inner)), name="one")
    x, y = words(inner), words(inner)
    several = keras.Model(inner, [L.Dense(4)(x), L.GRU(4)(x)], name="several")
    named = keras.Model(inner, {"steps": L.Dense(4)(y), "last": L.GRU(4)(y)}, name="named")
    left, right = one(a), one(b)
    steps, last = several(a)
    parts = named(b)
    return [a, b], [
        L.LSTM(3)(left),
        L.Attention()([left, right]),
        L.LSTM(3)(L.Concatenate()([left, right])),
        L.LSTM(3)(steps),
        last,
        L.LSTM(3)(parts["steps"]),
        parts["last"],
    ]


def into_nested():
    """Masks that enter nested models: one of two, the same twice, through two levels, at one
    call and not at the next, as an argument."""
    a, c, m = tokens("a"), keras.Input((5, 4), name="c"), keras.Input((5, 1), name="m")
    d = keras.Input((5, 4), name="d")
    x = words(a)
    one, two = keras.Input((5, 4)), keras.Input((5, 4))
    pair = keras.Model([one, two], [L.LSTM(3)(one), L.Add()([one, two])], name="pair")
    chain = keras.Sequential([keras.Input((5, 4)), L.Dense(4), L.Dropout(0.2)], name="chain")
    outer = keras.Sequential([keras.Input((5, 4)), chain, L.LayerNormalization()], name="outer")
    last = keras.Sequential([keras.Input((5, 4)), L.GRU(2)], name="last")
    flags = keras.ops.greater(m[:, :, 0], 0)
    explicit = keras.Sequential([keras.Input((5, 4)), L.Dense(3), L.LSTM(2)], name="explicit")
    return [a, c, d, m], [
        *pair([x, c]),
        L.LSTM(2)(outer(x)),
        last(x),
        last(c),
        explicit(d, mask=flags),
    ]


def merges():
    """Masks on all, on some, on inputs that are broadcast."""
    a, b, c = tokens("a"), tokens("b"), keras.Input((5, 4), name="c")
    d = keras.Input((1, 4), name="d")
    x, y = words(a), words(b)
    kinds = (L.Add, L.Subtract, L.Multiply, L.Average, L.Maximum, L.Minimum)
    merged = [kind()(pair) for kind in kinds for pair in ([x, y], [x, c], [c, x], [y, d])]
    return [a, b, c, d], [*merged, *(L.GRU(2)(part) for part in merged)]


def arguments():
    """Masks as arguments, inputs by keyword, layers called on all that the one before returns."""
    c, m = keras.Input((5, 4), name="c"), keras.Input((5, 1), name="m")
    flags = keras.ops.greater(m[:, :, 0], 0)
    states = keras.Sequential([keras.Input((5, 4)), L.LSTM(3, return_state=True), L.Concatenate()])
    several = keras.Sequential([keras.Input((5, 4)), L.GRU(2, return_state=True)])
    return [c, m], [
        L.GRU(3)(c, mask=flags),
        L.GlobalAveragePooling1D()(inputs=c, mask=flags),
        L.MultiHeadAttention(2, 3)(query=c, value=c, value_mask=m[:, :, 0]),
        L.MultiHeadAttention(2, 3)(c, c, attention_mask=flags[:, None, :]),
        L.Attention()([c, c], mask=[flags, flags]),
        L.LSTM(2)(sequences=c),
        states(c),
        *several(c),
    ]


MODELS = [
    taken_in_order,
    taken_under_another_name,
    taken_inside,
    decoder,
    out_of_nested,
    into_nested,
    merges,
    arguments,
]


def main():
    folder = json.load(sys.stdin)["folder"]
    for build in MODELS:
        write(build, folder)


if __name__ == "__main__":
    main()
