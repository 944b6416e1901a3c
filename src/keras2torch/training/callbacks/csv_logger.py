"""The logs as a table in a file."""

import csv
from pathlib import Path

from keras2torch.training.callbacks.callback import Callback


class CSVLogger(Callback):
    """A row for each epoch, which is counted from 0; the columns are those of the first epoch.

    Without validation there are columns for it all the same, with NA in them, as in Keras.
    Source: keras/src/callbacks/csv_logger.py.
    """

    def __init__(self, filename: str, separator: str = ",", append: bool = False) -> None:
        self.filename = filename
        self.separator = separator
        self.append = append

    def on_train_begin(self) -> None:
        path = Path(self.filename)
        self.keys: list[str] = []
        self.header = not (self.append and path.exists() and path.stat().st_size)
        if not self.append:
            path.write_text("")

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        first = not self.keys
        if first:
            self.keys = sorted(logs)
            if not any(key.startswith("val_") for key in self.keys):
                self.keys += [f"val_{key}" for key in self.keys]
        with open(self.filename, "a", newline="") as file:
            rows = csv.writer(file, delimiter=self.separator)
            if first and self.header:
                rows.writerow(["epoch", *self.keys])
            rows.writerow([epoch, *(logs.get(key, "NA") for key in self.keys)])
