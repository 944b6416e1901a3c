"""One class of ``model.py``: a Keras model, or a block that it repeats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from keras2torch.emit.blocks.kinds import Kinds
from keras2torch.emit.forward import Forward, sizes_of
from keras2torch.ir.program import Model, Module, Tensor

LOGITS = "What the last activation is applied to: crossentropies are taken of this."
MASK = "Which steps of an output count in the loss."


def write_class(
    model: Model,
    names: Mapping[Model, str],
    attributes: Mapping[Module, str],
    forward: Forward,
    kinds: Kinds,
) -> str:
    """The unformatted source of the class."""
    lines = [f"class {names[model]}(nn.Module):", *_docstring(model, forward), ""]
    lines += [f"    def __init__(self{_parameters(model)}) -> None:", "        super().__init__()"]
    lines += [f"        {name} = {text}" for name, text in model.locals]
    lines += [f"        self.{name} = {name}" for name in model.stored]
    lines += _made(model, names, attributes)
    for module in model.modules:
        if module.parameters and module.frozen.issuperset(module.parameters):
            lines.append(f"        self.{attributes[module]}.requires_grad_(False)")
        else:
            lines += [
                f"        self.{attributes[module]}.{key}.requires_grad_(False)"
                for key in sorted(module.partly_frozen)
            ]
    resets = _resets(model, names, attributes, kinds)
    if resets:
        own = [line for line in resets if not line.startswith("self.")]
        lines += ["        self.reset_parameters()"] if own else []
        lines += ["", "    def reset_parameters(self) -> None:"]
        lines += ['        """Start afresh as Keras would; frozen weights stay."""']
        lines += [f"        {statement}" for statement in resets]
    if forward.head is not None:
        lines += _method("logits", model, forward, LOGITS)
    lines += _method("forward", model, forward.head or forward)
    if forward.mask is not None:
        lines += _method("mask", model, forward.mask, MASK)
    return "\n".join(lines)


def _method(name: str, model: Model, forward: Forward, docstring: str = "") -> list[str]:
    arguments = "".join(
        f", {argument}: {tensor.kind}"
        for argument, (_, tensor) in zip(forward.arguments, model.inputs, strict=True)
    )
    lines = ["", f"    def {name}(self{arguments}) -> {forward.returns}:"]
    lines += [f'        """{docstring}"""'] if docstring else []
    lines += [f"        {part}" for line in forward.lines for part in line.split("\n")]
    return [*lines, f"        return {forward.returned}"]


def _made(model: Model, names: Mapping[Model, str], attributes: Mapping[Module, str]) -> list[str]:
    """The modules, those of optional parts under their condition."""
    lines: list[str] = []
    before = None
    for module in model.modules:
        construct = module.construct
        if module.model is not None and module.parts is None:
            construct = f"{names[module.model]}()"
        # A module of runtime/ may have constants of its own, which are float32.
        own = module.dtype == "float64" and not module.construct.startswith("nn.")
        if module.dtype != "float32" and (module.parameters or module.buffers or own):
            construct += f".to(torch.{module.dtype})"
        if module.condition and module.condition != before:
            lines.append(f"        if {module.condition}:")
        before = module.condition
        indent = " " * (12 if module.condition else 8)
        lines.append(f"{indent}self.{attributes[module]} = {construct}")
    return lines


def _is_nested(module: Module) -> bool:
    """Whether this is a nested Keras model, rather than a block of one."""
    return module.model is not None and module.parts is None


def _docstring(model: Model, forward: Forward) -> list[str]:
    inputs = zip(forward.arguments, model.inputs, strict=True)
    if model.title is not None:
        return [f'    """{model.title}"""']
    said = [f"    {_signature(name, tensor)}" for name, (_, tensor) in inputs]
    return [f'    """Keras model {_quoted(model.name)}.', "", *said, '    """']


def _parameters(model: Model) -> str:
    """The arguments of ``__init__``: channels in their place, everything else by name."""
    said = []
    for parameter in model.parameters:
        if not parameter.positional and "*" not in said:
            said.append("*")
        default = "" if parameter.default is None else f" = {parameter.default}"
        said.append(f"{parameter.name}: {parameter.annotation}{default}")
    return "".join(f", {text}" for text in said)


def _resets(
    model: Model, names: Mapping[Model, str], attributes: Mapping[Module, str], kinds: Kinds
) -> list[str]:
    """The statements of ``reset_parameters``. A model with blocks starts its modules kind by
    kind, and blocks start themselves where their modules have no way to start in common."""
    inside = [module for module in _blocks(model) if module is not None]
    lines: list[str] = []
    if model.title is None and inside:
        used = {id(m): m for m in [*model.modules, *inside]}.values()
        lines += kinds.loop(used, [names[b] for b in _own_starters(inside, kinds)])
    for module in model.modules:
        alike = kinds.starts_alike(module) and (inside or model.title is not None)
        if not alike and not module.parts:
            lines += [s.replace("{0}", f"self.{attributes[module]}") for s in module.reset]
    for module in model.modules:
        if _is_nested(module) and module.model and starts(module.model):
            lines.append(f"self.{attributes[module]}.reset_parameters()")
    return lines


def _blocks(model: Model) -> Iterable[Module]:
    """The modules inside the blocks of a model, and the blocks themselves."""
    for module in model.modules:
        if module.parts is not None:
            yield from _deep(module)


def _deep(module: Module) -> Iterable[Module]:
    yield module
    for part in module.parts or ():
        if part is not None:
            yield from _deep(part)


def _own_starters(inside: Iterable[Module], kinds: Kinds) -> list[Model]:
    """The blocks that have a ``reset_parameters`` of their own."""
    models = dict.fromkeys(module.model for module in inside if module.model is not None)
    return [
        model
        for model in models
        if any(m.reset and not kinds.starts_alike(m) and not m.parts for m in model.modules)
    ]


def starts(model: Model) -> bool:
    """Whether the class has a ``reset_parameters``."""
    return any(
        module.reset
        or (module.parts is not None and any(m.reset for m in _deep(module)))
        or (_is_nested(module) and module.model is not None and starts(module.model))
        for module in model.modules
    )


def _quoted(text: str) -> str:
    """A name from the file for a docstring: ASCII, and nothing that could end the docstring."""
    return ascii(text[:60]).replace("\\", "/").replace('"', "'")


def _signature(name: str, tensor: Tensor) -> str:
    return f"{name}: ({', '.join(sizes_of(tensor.memory_shape))}), {tensor.dtype}"
