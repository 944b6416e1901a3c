from keras2torch.ir.program import Module, Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.writer import INTEGER_DTYPES
from keras2torch.layers import quantization, quantized_tables
from keras2torch.registry import Integers, example, layer


@layer(
    "Embedding",
    masks="own",
    autocast=False,
    quantized=True,
    examples=[
        example({"input_dim": 9, "output_dim": 3}, Integers((5,), 9)),
        example({"input_dim": 9, "output_dim": 3, "trainable": False}, Integers((2, 4), 9)),
        example(
            {"input_dim": 9, "output_dim": 3, "embeddings_initializer": "glorot_uniform"},
            Integers((None,), 9),
        ),
        example({"input_dim": 9, "output_dim": 3, "mask_zero": True}, Integers((5,), 9)),
        example({"input_dim": 9, "output_dim": 3}, Integers((), 9)),
        example({"input_dim": 9, "output_dim": 3, "mask_zero": True}, (2, 4)),
    ],
)
def embedding(step: Step, x: Tensor) -> Tensor:
    """A row of the table for every token; with ``mask_zero`` token 0 is masked."""
    return rows_of(step, table_of(step), x)


def table_of(step: Step) -> Module:
    """The table, a row for each token."""
    count = step.config.int("input_dim", low=1)
    size = step.config.int("output_dim", low=1)
    step.config.ignore("input_length")  # Keras 2's; the input's own shape tells it
    adapters = quantization.merged_adapters(step)
    quantized = quantization.quantization_of(step, {})
    if quantized is not None:
        return quantized_tables.table(step, quantized, count, size)
    table = step.module("nn.Embedding", count, size)
    weight = step.weights.take("embeddings", (count, size))
    step.parameter(table, "weight", weight, "embeddings_initializer", frozen=adapters)
    return table


def rows_of(step: Step, table: Module, x: Tensor) -> Tensor:
    """The rows of the tokens, which Keras cuts to whole numbers; the mask it makes before."""
    count, size = step.config.int("input_dim"), step.config.int("output_dim")
    step.limit(x, count)
    mask = None
    if step.config.bool("mask_zero", False):
        mask = step.compute("{0} != 0", x, like=x, dtype="bool", hint="mask").value
    tokens = "{1}" if x.dtype in ("int32", "int64") else "{1}.long()"
    if x.dtype not in INTEGER_DTYPES:
        tokens += f" % {count}"  # Keras counts negative tokens from the end; numbers may be any
    return step.compute(
        f"{{0}}({tokens})", table, x, like=x, shape=(*x.shape, size), dtype="float32", mask=mask
    )
