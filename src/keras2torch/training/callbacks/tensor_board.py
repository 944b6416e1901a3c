"""The logs for TensorBoard."""

from collections.abc import Callable
from pathlib import Path

from keras2torch.training.callbacks.callback import Callback


class TensorBoard(Callback):
    """Writes each epoch's logs and learning rate under ``train`` and ``validation`` in ``log_dir``.

    ``update_freq``: every so many batches as well. ``histogram_freq``: every so many epochs, the
    weights' distributions. The names are Keras'. Needs the package ``tensorboard``.
    Source: keras/src/callbacks/tensorboard.py.
    """

    def __init__(
        self, log_dir: str = "logs", histogram_freq: int = 0, update_freq: int | None = None
    ) -> None:
        self.log_dir = Path(log_dir)
        self.histogram_freq = histogram_freq
        self.update_freq = update_freq

    def on_train_begin(self) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.batches = 0
        self.writers = {
            part: SummaryWriter(str(self.log_dir / part)) for part in ("train", "validation")
        }

    def write(self, part: str, tag: str, value: float, step: int) -> None:
        self.writers[part].add_scalar(tag, value, step)

    def on_batch_end(self, batch: int, logs: Callable[[], dict[str, float]]) -> None:
        self.batches += 1
        if self.update_freq is not None and self.batches % self.update_freq == 0:
            for name, value in logs().items():
                self.write("train", f"batch_{name}", value, self.batches)

    def on_test_end(self, logs: dict[str, float]) -> None:
        for name, value in logs.items():
            self.write("validation", f"evaluation_{name}_vs_iterations", value, self.state.step)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        rate = self.state.optimizer.param_groups[0]["lr"]
        for name, value in {**logs, "learning_rate": rate}.items():
            part = "validation" if name.startswith("val_") else "train"
            self.write(part, f"epoch_{name.removeprefix('val_')}", value, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for name, tensor in self.model.state_dict().items():
                tag = f"{name}/histogram"
                self.writers["train"].add_histogram(tag, tensor, epoch)

    def on_train_end(self) -> None:
        for writer in self.writers.values():
            writer.close()
