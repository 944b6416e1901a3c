"""Parts of a training run in Keras, all in one process: whatever the job names is done.

Reads ``{part: job}`` on standard input; the parts are the functions of the files imported here.
"""

import json
import sys

from averaging import averaging
from callbacks import callbacks, swapping
from initializers import initial_weights
from schedules import schedules
from weight_options import of_arrays, of_layers, shared

PARTS = {
    "averaging": averaging,
    "callbacks": callbacks,
    "initial_weights": initial_weights,
    "shared": shared,
    "swapping": swapping,
    "schedules": schedules,
    "weight_options_of_arrays": of_arrays,
    "weight_options_of_layers": of_layers,
    "activity_of_layers": of_layers,
}

if __name__ == "__main__":
    for name, part in json.load(sys.stdin).items():
        PARTS[name](part)
