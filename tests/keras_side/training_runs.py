"""Compiled models whose training is followed step by step; ``models.py`` saves them too."""

import keras
from keras import layers


def reviews():
    """Article B's network, small."""
    model = keras.Sequential(
        [
            keras.Input((40,), dtype="int32", name="tokens"),
            layers.Embedding(2000, 16),
            layers.Bidirectional(layers.LSTM(8, return_sequences=True)),
            layers.Bidirectional(layers.LSTM(8)),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="sentiment",
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def noises():
    """A layer of every kind that draws random numbers, on tensors in all orders in memory."""
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, activation="relu")(image)
    x = layers.Dropout(0.2)(x)
    x = layers.SpatialDropout2D(0.2)(x)
    x = layers.GaussianNoise(0.1)(x)
    x = layers.AlphaDropout(0.1)(x)
    x = layers.Dropout(0.3, noise_shape=(None, 1, 6, 4))(x)
    x = layers.Flatten()(x)
    x = layers.GaussianDropout(0.2)(layers.Dropout(0.2)(x))
    x = layers.AlphaDropout(0.2, noise_shape=(None, 1))(x)
    seen = layers.Dense(6, activation="tanh")(x)
    steps = keras.Input((5, 4), name="steps")
    y = layers.SpatialDropout1D(0.2)(steps)
    y = layers.Bidirectional(layers.LSTM(3, dropout=0.2, return_sequences=True))(y)
    y = layers.LSTM(4, dropout=0.2, recurrent_dropout=0.3, return_sequences=True)(y)
    y = layers.GRU(4, recurrent_dropout=0.3, dropout=0.1, return_sequences=True)(y)
    y = layers.SimpleRNN(4, dropout=0.2, recurrent_dropout=0.1, return_sequences=True)(y)
    cells = [layers.LSTMCell(4, recurrent_dropout=0.2), layers.GRUCell(4, dropout=0.2)]
    y = layers.RNN(cells, return_sequences=True)(y)
    y = layers.MultiHeadAttention(2, 3, dropout=0.2)(y, y)
    y = layers.Attention(dropout=0.2)([y, y])
    inner = keras.Input((5, 4))
    part = layers.Dropout(0.2)(layers.Dense(4, activation="tanh")(inner))
    block = keras.Model(inner, part, name="block")
    y = layers.GlobalAveragePooling1D()(block(block(y)))
    film = keras.Input((3, 6, 6, 2), name="film")
    z = layers.ConvLSTM2D(2, 3, dropout=0.2, recurrent_dropout=0.2)(film)
    z = layers.GlobalAveragePooling2D()(z)
    out = layers.Dense(3, activation="softmax")(layers.Concatenate()([seen, y, z]))
    model = keras.Model([image, steps, film], out, name="noises")
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    return model


def pictures():
    """Convolutions with BatchNormalization; a schedule, an average of the weights, a scale of the
    loss, two outputs."""
    image = keras.Input((12, 12, 3), name="image")
    x = layers.Conv2D(6, 3, kernel_regularizer="l2")(image)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(8, 3, activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.GlobalAveragePooling2D()(x)
    kind = layers.Dense(4, activation="softmax", name="kind")(x)
    size = layers.Dense(1, name="size")(x)
    model = keras.Model(image, [kind, size], name="pictures")
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    model.compile(
        keras.optimizers.Adam(schedule, use_ema=True, ema_momentum=0.9, loss_scale_factor=8.0),
        ["sparse_categorical_crossentropy", "mse"],
        loss_weights=[1.0, 0.3],
        metrics=[["accuracy", keras.metrics.MeanIoU(4, sparse_y_pred=False)], ["mae"]],
        weighted_metrics=[["sparse_categorical_accuracy"], ["mse"]],
    )
    return model


MODELS = {made.__name__: made for made in (reviews, noises, pictures)}


def save_all(folder):
    """One file for each model."""
    keras.config.set_floatx("float32")
    for name, make in MODELS.items():
        keras.utils.set_random_seed(0)
        make().save(folder / f"{name}.keras")
