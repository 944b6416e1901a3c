"""Keras' random image layers in training: what they draw, and what they make of it.

A process of its own: reads ``folder`` on standard input. Per case it writes ``<id>.keras`` (the
layer alone in a model), ``<id>.npz`` (images, one draw, what ``transform_images`` makes of it in
float64) and ``<id>.draws.npz`` (many draws). All arrays are as the port has them: images with
channels in front, the factors in the order and shape in which ``draw`` of the port returns them.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

MODES = [
    {"fill_mode": mode, "interpolation": interpolation, "fill_value": 7.0}
    for mode in ("constant", "nearest", "reflect", "wrap")
    for interpolation in ("bilinear", "nearest")
]
UNIT = {"value_range": [0, 1]}
FIRST = {"data_format": "channels_first"}
ROTATIONS = [{"factor": 0.4, **mode} for mode in MODES] + [{"factor": [-0.1, 0.3], **FIRST}]
CASES = {
    "RandomFlip": [{}, {"mode": "horizontal"}, {"mode": "vertical", **FIRST}],
    "RandomCrop": [{"height": 3, "width": 4}, {"height": 9, "width": 5, **FIRST}],
    "RandomRotation": ROTATIONS,
    "RandomTranslation": [
        {"height_factor": [-0.9, 0.2], "width_factor": 1.0, **mode} for mode in MODES
    ],
    "RandomZoom": [
        {"height_factor": [-0.5, 0.9], "width_factor": 0.8, "fill_mode": "wrap"},
        {"height_factor": 0.4, **FIRST},
    ],
    "RandomShear": [
        {"x_factor": [0.1, 0.9], "y_factor": [0.2, 0.5]},
        {"x_factor": [0.1, 0.9], "fill_mode": "constant", **FIRST},
    ],
    "RandomPerspective": [
        {"factor": [0.6, 0.9], "scale": 0.6, "fill_value": 7.0},
        {"interpolation": "nearest", **FIRST},
    ],
    "RandomElasticTransform": [
        {"factor": 0.8, "fill_value": 7.0, "fill_mode": mode, "interpolation": interpolation}
        for mode in ("constant", "nearest", "reflect", "wrap")
        for interpolation in ("bilinear", "nearest")
    ]
    + [{"scale": [0.5, 0.9], **FIRST}],
    "RandomBrightness": [{"factor": 0.4}, {"factor": [0.1, 0.3], **UNIT, **FIRST}],
    "RandomContrast": [{"factor": 0.4}, {"factor": [0.2, 0.7], **UNIT, **FIRST}],
    "RandomColorDegeneration": [{"factor": 0.4}, {"factor": [0.1, 0.3], **UNIT, **FIRST}],
    "RandomGrayscale": [{"factor": 0.7}, {**FIRST}],
    "RandomInvert": [{"factor": 0.4}, {"factor": [0.3, 0.9], **UNIT, **FIRST}],
    "RandomHue": [{"factor": 0.7}, {"factor": [0.1, 0.9], **UNIT, **FIRST}],
    "RandomSaturation": [{"factor": 0.4}, {"factor": [0.1, 0.7], **UNIT, **FIRST}],
    "AutoContrast": [{}, {**UNIT, **FIRST}],
    "Equalization": [{}, {"bins": 40, **UNIT, **FIRST}],
    "RandomPosterization": [{"factor": 6}, {"factor": [3, 3], **UNIT, **FIRST}],
    "Solarization": [
        {"addition_factor": 0.2, "threshold_factor": 0.5},
        {"addition_factor": [0.1, 0.2], "threshold_factor": [0.3, 0.9], **UNIT, **FIRST},
    ],
    "RandomSharpness": [{"factor": 0.4}, {"factor": [0.3, 0.9], **UNIT, **FIRST}],
    "RandomGaussianBlur": [
        {"factor": 0.7, "kernel_size": 5, "sigma": 0.8},
        {"kernel_size": [3, 5], "sigma": [0.2, 0.9], **UNIT, **FIRST},
    ],
    "MixUp": [{"alpha": 0.4}, {**FIRST}],
    "CutMix": [{"factor": [0.5, 1.0]}, {"factor": [0.9, 1.0], **FIRST}],
    "RandomErasing": [
        {"factor": 0.8, "fill_value": [1, 2, 3]},
        {"scale": [0.1, 0.5], "fill_value": 0.5, **UNIT, **FIRST},
        {"scale": 0.6},
    ],
    "RandAugment": [{"num_ops": 4}, {"factor": [0.2, 0.5], "num_ops": 5, **UNIT, **FIRST}],
    "AugMix": [{"alpha": 0.7}, {"all_ops": False, "factor": [0.2, 0.5], **UNIT, **FIRST}],
}

DRAWN = {"RandAugment": 1, "AugMix": 1}  # cases whose draws are compared: these take long


class Watch:
    """Makes what Keras draws inside of a layer seen: rectangles and noise."""

    def __init__(self):
        self.boxes = self.noise = None
        for kind in (keras.layers.CutMix, keras.layers.RandomErasing):
            kind._generate_batch_mask = self.watched(kind._generate_batch_mask)
        normal = tf.random.stateless_normal

        def watched_normal(*args, **kwargs):
            self.noise = normal(*args, **kwargs)
            return self.noise

        tf.random.stateless_normal = watched_normal

    def watched(self, original):
        def generate(layer, shape, corners):
            self.boxes = np.stack([np.asarray(corner) for corner in corners], axis=1)
            return original(layer, shape, corners)

        return generate


WATCH = Watch()


def per_image(array, rank=4):
    """(batch,) as (batch, 1, ...)."""
    array = np.asarray(array)
    return array.reshape(array.shape[0], *[1] * (rank - 1))


def in_front(images, layer):
    images = np.asarray(images)
    return images if layer.data_format == "channels_first" else images.transpose(0, 3, 1, 2)


def factors_of(layer, t):
    """A transformation of Keras' as the port has it; the noise of elastic ones is not in it."""
    kind = type(layer).__name__
    if kind in WHOLE:
        return [np.asarray(part) for part in WHOLE[kind](t)]
    if kind == "RandomErasing":
        fill = in_front(t["fill_value"], layer)
        return [per_image(t["apply_erasing"]), WATCH.boxes, fill]
    if kind == "CutMix":
        return [WATCH.boxes, np.asarray(t["permutation_order"])]
    return [np.asarray(t[name]) for name in NAMED[kind]]


WHOLE = {
    "AutoContrast": lambda t: [],
    "Equalization": lambda t: [],
    "RandomGrayscale": lambda t: [t],
    "RandomCrop": lambda t: t,
    "RandomTranslation": lambda t: [t["translations"][:, 0], t["translations"][:, 1]],
    "RandomZoom": lambda t: [t["width_zoom"][:, 0], t["height_zoom"][:, 0]],
    "RandomShear": lambda t: [t["shear_factor"][:, 0], t["shear_factor"][:, 1]],
    "RandomPerspective": lambda t: [per_image(t["apply_perspective"]), t["end_points"]],
    "RandomHue": lambda t: [per_image(t["factor"], 3)],
    "RandomSaturation": lambda t: [per_image(t["factor"], 3)],
    "RandomInvert": lambda t: [per_image(t["apply_inversion"])],
    "RandomPosterization": lambda t: [per_image(t["shift_factor"])],
    "RandomSharpness": lambda t: [per_image(t["factor"])],
    "RandomGaussianBlur": lambda t: [per_image(t["should_apply_blur"]), t["blur_factor"]],
    "MixUp": lambda t: [per_image(t["mix_weight"]), t["permutation_order"]],
    "RandomElasticTransform": lambda t: [
        per_image(t["apply_transform"]),
        np.reshape(t["distortion_factor"], (1,)),
    ],
}
NAMED = {
    "RandomFlip": ["flips"],
    "RandomRotation": ["angle"],
    "RandomBrightness": ["rgb_delta"],
    "RandomContrast": ["contrast_factor"],
    "RandomColorDegeneration": ["factor"],
    "Solarization": ["additions", "thresholds"],
    "RandAugment": ["layer_idxes"],
    "AugMix": ["chain_mixing_weights", "weight_sample"],
}


def inner_draws(layer, images):
    """Keras' transformation of a layer that has others inside, its factors, and those of the layers
    inside in the order in which the port draws them."""
    names = list(getattr(layer, "_augment_layers", None) or layer._AUGMENT_LAYERS)
    draws = []
    for name in names:
        part = getattr(layer, name)

        def noted(*args, part=part, draw=part.get_random_transformation, name=name, **kwargs):
            t = draw(*args, **kwargs)
            draws.append((name, factors_of(part, t)))
            return t

        part.get_random_transformation = noted
    t = layer.get_random_transformation(images, training=True)
    factors = factors_of(layer, t)
    if type(layer).__name__ == "AugMix":
        chains = [[names.index(s["layer_name"]) for s in chain] for chain in t["chain_transforms"]]
        # A step without a layer is the number after the last one.
        factors.append([c + [len(names)] * (layer.chain_depth - len(c)) for c in chains])
        return t, factors, [factors for _, factors in draws]
    used = dict.fromkeys(names[place] for place in factors[0])
    return t, factors, [dict(draws)[name] for name in used]


def made(kind, config, images):
    """One draw and its result, in float64. (Keras' floatx stays: RandomRotation fails with it.)"""
    layer = getattr(keras.layers, kind)(**config, dtype="float64")
    given = tf.constant(images if config.get("data_format") else images.transpose(0, 2, 3, 1))
    inner = []
    if kind in ("RandAugment", "AugMix"):
        t, factors, inner = inner_draws(layer, given)
    else:
        t = layer.get_random_transformation(given, training=True)
        factors = factors_of(layer, t)
    outputs = in_front(layer.transform_images(given, t, training=True), layer)
    if kind == "RandomElasticTransform":
        factors.append(np.asarray(WATCH.noise)[:, None])
    told = {f"drawn{place}": np.asarray(factor) for place, factor in enumerate(factors)}
    for number, draw in enumerate(inner):
        told |= {f"inner{number}.{place}": factor for place, factor in enumerate(draw)}
    return {**told, "inner": len(inner), "images": images, "outputs": outputs}


def many_draws(kind, layer, shape):
    """Each factor over many draws: (calls, *its shape)."""
    per_call = ("RandomCrop", "RandomElasticTransform", "RandomGaussianBlur", "CutMix")
    calls, batch = (400, 2) if kind in (*per_call, "RandAugment", "AugMix") else (1, 3000)
    images = tf.zeros((batch, *shape))
    samples = [
        factors_of(layer, layer.get_random_transformation(images, training=True))
        for _ in range(calls)
    ]
    return [np.stack(column) for column in zip(*samples, strict=True)]


def saved(layer, shape, path):
    """The layer alone in a model. Keras can make none of Equalization but inside of a Pipeline."""
    inputs = keras.Input(shape)
    if isinstance(layer, keras.layers.Equalization):
        layer = keras.layers.Pipeline([layer])
    keras.Model(inputs, layer(inputs)).save(path)


def main():
    folder = Path(json.load(sys.stdin)["folder"])
    rng = np.random.default_rng(1)
    keras.utils.set_random_seed(3)
    for kind, configs in CASES.items():
        for number, config in enumerate(configs):
            path = f"{folder}/{kind}-{number}"
            top = 1 if "value_range" in config else 255
            size = (40, 50) if kind == "RandomElasticTransform" else (8, 7)  # it moves by shares
            images = rng.uniform(0, top, (6, 3, *size))
            # Greys, an even image, and values outside of the range, as they come.
            images[0, 1:] = images[0, :1]
            images[1] = images[1, :, :1, :1]
            np.savez(f"{path}.npz", **made(kind, config, images))
            layer = getattr(keras.layers, kind)(**config)
            shape = (3, *size) if config.get("data_format") else (*size, 3)
            saved(layer, shape, f"{path}.keras")
            if number < DRAWN.get(kind, 2):  # the other cases differ in how they sample
                np.savez(f"{path}.draws.npz", *many_draws(kind, layer, shape))


if __name__ == "__main__":
    main()
