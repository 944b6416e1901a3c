"""Writes docs/support.md from the registry: `make docs`. A test compares the two."""

from pathlib import Path

from keras2torch.registry import all_layers

HEAD = """# Supported layers

Made from the registry by `make docs`. Each layer is exact: every example of it, over the options
named here, is compared with real Keras, outputs and gradients, in float64 to 1e-12. An option or a
layer that is not listed is refused when a model is ported, with its name and the reason.

In training, layers that draw random numbers are statistically equal: the same function of what is
drawn, from the same distribution as in Keras, but other numbers.

| Keras layer | in PyTorch | in training | options that the examples cover |
|---|---|---|---|
"""


def table() -> str:
    """The whole page."""
    rows = []
    for name, mapping in sorted(all_layers().items()):
        text = " ".join((mapping.function.__doc__ or "").split("\n\n")[0].split())
        options = sorted({key for example in mapping.examples for key in example.config})
        if any(example.masked for example in mapping.examples):
            options.append("*masks*")
        training = "exact" if mapping.training == "exact" else "statistically equal"
        rows.append(f"| {name} | {text} | {training} | {', '.join(options)} |")
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("support.md").write_text(table())
