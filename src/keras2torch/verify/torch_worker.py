"""Runs a port in PyTorch, in a process of its own, and writes down every Keras layer's outputs.

Called as ``python -m keras2torch.verify.torch_worker`` with a JSON object on standard input:
``port`` (folder), ``inputs`` (.npz), ``precision`` and ``recording`` (.npz to write).

The emitted ``forward`` is run as it stands, with one call added behind each statement that makes
a Keras layer's output; so what is checked is the file itself.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from keras2torch.verify.recording import Recording

RECORD = "_record"
FLOATS = ("bfloat16", "float16", "float32")
CASTS = ("bfloat16", "half", "float")  # methods of tensors and modules


class InFloat64(ast.NodeTransformer):
    """Makes the float64 twin of a port, as Keras' is made: every dtype it names becomes float64.

    So what the port rounds to half precision, or keeps in float32, is computed in float64. Where
    Keras computes in float32 even then, the port says ``torch.float``, which stays.
    """

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        self.generic_visit(node)
        owner = node.value.id if isinstance(node.value, ast.Name) else None
        if owner == "torch" and node.attr in FLOATS:
            node.attr = "float64"
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        cast = isinstance(node.func, ast.Attribute) and not node.args and not node.keywords
        if cast and isinstance(node.func, ast.Attribute) and node.func.attr in CASTS:
            node.func.attr = "double"
        return node


def loaded(
    tree: ast.Module, path: Path, precision: str, names: Mapping[str, Any]
) -> torch.nn.Module:
    """The model that the syntax tree of ``model.py`` makes, in float64 or as it stands."""
    if precision == "float64":
        tree = ast.fix_missing_locations(InFloat64().visit(tree))
    namespace: dict[str, Any] = {"__name__": "port", "__file__": str(path), **names}
    exec(compile(tree, path, "exec"), namespace)  # noqa: S102
    model: torch.nn.Module = namespace["load"]()
    return model.double() if precision == "float64" else model


def instrumented(source: str, layers: list[Mapping[str, Any]]) -> ast.Module:
    """The syntax tree of ``model.py`` with a call of ``_record`` behind each traced statement.

    A class that is a repeated block makes the outputs of several Keras layers in one place: which
    of them, the module that runs tells.
    """
    tree = ast.parse(source)
    for node in tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        for part in node.body:
            if isinstance(part, ast.FunctionDef) and part.name in ("forward", "logits"):
                _instrument(part, node.name, layers)
    return ast.fix_missing_locations(tree)


def _instrument(method: ast.FunctionDef, owner: str, layers: list[Mapping[str, Any]]) -> None:
    found: dict[tuple[int, str], list[int]] = {}
    for number, layer in enumerate(layers):
        if (layer["class"], layer.get("method", "forward")) != (owner, method.name):
            continue
        names = ", ".join(output["name"] if output else "None" for output in layer["outputs"])
        last = max(output["line"] for output in layer["outputs"] if output)
        found.setdefault((last, names), []).append(number)
    behind: dict[int, list[ast.stmt]] = {}
    for (line, names), numbers in found.items():
        call = f"{RECORD}({method.args.args[0].arg}, {numbers}, [{names}])"
        behind.setdefault(line, []).extend(ast.parse(call).body)
    body = method.body[1:] if ast.get_docstring(method) else method.body
    method.body = [*behind.get(-1, []), *_with_records(body, behind, iter(range(sys.maxsize)))]


def _with_records(
    body: list[ast.stmt], behind: Mapping[int, list[ast.stmt]], lines: Iterator[int]
) -> list[ast.stmt]:
    """The statements with those that record; lines are counted where they stand, and an ``if`` is
    none itself."""
    made: list[ast.stmt] = []
    for statement in body:
        made.append(statement)
        if isinstance(statement, ast.If):
            statement.body = _with_records(statement.body, behind, lines)
        else:
            made += behind.get(next(lines), [])
    return made


def as_array(value: torch.Tensor | list[Any]) -> npt.NDArray[Any]:
    """A tensor, or nested lists of strings, in NumPy; bfloat16 as float32, which NumPy knows."""
    if isinstance(value, list):
        return np.array(value, dtype=str)
    value = value.detach().cpu()
    array: npt.NDArray[Any] = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    return array


def in_keras_order(value: torch.Tensor | list[Any], output: Mapping[str, Any]) -> npt.NDArray[Any]:
    """A traced value with its axes where Keras has them."""
    array = as_array(value)
    if "flat" in output:
        shape, order = output["flat"]
        sizes = [-1 if shape[axis] is None else shape[axis] for axis in order]
        sizes[0] = len(array)
        array = array.reshape(sizes).transpose(np.argsort(order)).reshape(len(array), -1)
    if "order" in output:
        array = array.transpose(np.argsort(output["order"]))
    return array


def flat_outputs(outputs: Any) -> list[Any]:
    """The output tensors, and nested lists of strings, in Keras' order: dicts by sorted key."""
    if isinstance(outputs, torch.Tensor) or _are_strings(outputs):
        return [outputs]
    parts = [outputs[key] for key in sorted(outputs)] if isinstance(outputs, dict) else outputs
    return [tensor for part in parts for tensor in flat_outputs(part)]


def given(array: npt.NDArray[Any], dtype: str, precision: str) -> Any:
    """An input as the port takes it: strings in nested lists."""
    if array.dtype.kind == "U":
        return array.tolist()
    tensor = torch.from_numpy(array)
    if not tensor.is_floating_point():
        return tensor
    wanted: torch.dtype = getattr(torch, "float64" if precision == "float64" else dtype)
    return tensor.to(wanted)


def _are_strings(outputs: Any) -> bool:
    while isinstance(outputs, list) and outputs:
        outputs = outputs[0]
    return isinstance(outputs, str)


def run_port(
    folder: Path, arrays: Mapping[str, npt.NDArray[Any]], precision: str
) -> tuple[Recording, torch.nn.Module, list[Any]]:
    """Run the port in ``folder`` on inputs by name: what it recorded, the model, its outputs.

    ``precision`` is float64, or float32 for the port as it stands, whatever its dtypes.
    """
    manifest = json.loads((folder / "port.json").read_text())
    path = folder / "model.py"
    recording = Recording()

    def record(
        module: torch.nn.Module, numbers: list[int], tensors: list[torch.Tensor | None]
    ) -> None:
        for layer in (manifest["layers"][number] for number in numbers):
            if paths[module] != layer["module"]:
                continue
            pairs = zip(tensors, layer["outputs"], strict=True)
            arrays = [None if t is None else in_keras_order(t, o) for t, o in pairs]
            recording.add(layer["layer"], layer["call"], arrays)

    tree = instrumented(path.read_text(), manifest["layers"])
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64 if precision == "float64" else torch.float32)
    try:
        model = loaded(tree, path, precision, {RECORD: record})
        paths = {module: path for path, module in model.named_modules()}
        inputs = [given(arrays[i["name"]], i["dtype"], precision) for i in manifest["inputs"]]
        outputs = flat_outputs(model(*inputs))
    finally:
        torch.set_default_dtype(before)
    recording.add("", 0, [as_array(t) for t in outputs])
    return recording, model, outputs


def main() -> None:
    job = json.load(sys.stdin)
    with np.load(job["inputs"], allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    with torch.no_grad():
        recording, _, _ = run_port(Path(job["port"]), arrays, job["precision"])
    recording.save(Path(job["recording"]))


if __name__ == "__main__":
    main()
