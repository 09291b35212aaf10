"""The *baseline*: the networks that this study started from, layer for layer.

Bottleneck units, whose stages begin with max-pooling. They read and give what those of `src/resnet.py` do.

Source: He et al. 2016 "Deep Residual Learning".
"""

import keras
from keras import layers

from src.fused import FusedBatchNormalization
from src.labels import EMOTIONS, FRAME, KEYPOINT_COLUMNS
from src.resnet import Init


def bottleneck_unit(x, widths: tuple[int, int, int], init: Init, name: str, *, pool: bool = False):
    """1x1 -> 3x3 -> 1x1 with a shortcut. `pool`: both paths are max-pooled 2x2 behind their first convolution."""

    def conv(x, width, size, part):
        return layers.Conv2D(width, size, padding="same", kernel_initializer=init(), name=f"{name}_{part}_conv")(x)

    reduce, spatial, expand = widths
    main = conv(x, reduce, 1, "a")
    if pool:
        main = layers.MaxPooling2D(2, name=f"{name}_a_pool")(main)
    main = layers.ReLU(name=f"{name}_a_relu")(FusedBatchNormalization(name=f"{name}_a_bn")(main))
    main = conv(main, spatial, 3, "b")
    main = layers.ReLU(name=f"{name}_b_relu")(FusedBatchNormalization(name=f"{name}_b_bn")(main))
    main = conv(main, expand, 1, "c")
    main = FusedBatchNormalization(name=f"{name}_c_bn")(main)
    if pool:
        x = layers.MaxPooling2D(2, name=f"{name}_short_pool")(conv(x, expand, 1, "short"))
        x = FusedBatchNormalization(name=f"{name}_short_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([main, x]))


def bottleneck_backbone(inputs, units: tuple[int, ...], init: Init):
    """ZeroPadding(3) - Conv 64 7x7/2 - BN - ReLU - MaxPool 3/2 - a stage of `units[i]` bottleneck units each.

    Stage i has widths (64, 64, 256) x 2^i and halves the picture at its first unit. `units=(3, 3)` is the baseline's;
    `(3, 8, 36, 3)` makes a network of 152 weighted layers, its head's Dense layer counted.
    """
    x = layers.ZeroPadding2D(3, name="pad")(inputs)
    x = layers.Conv2D(64, 7, 2, kernel_initializer=init(), name="conv1")(x)
    x = FusedBatchNormalization(name="bn1")(x)
    x = layers.ReLU(name="relu1")(x)
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    for stage, depth in enumerate(units):
        widths = tuple(width * 2**stage for width in (64, 64, 256))
        for unit in range(depth):
            x = bottleneck_unit(
                x,
                widths,
                init,
                f"res{stage + 2}{'abcdefghijklmnopqrstuvwxyz'[unit % 26]}{unit // 26 or ''}",
                pool=unit == 0,
            )
    return x


def baseline_keypoints(seed: int = 0, initializer: str = "glorot") -> keras.Model:
    """The baseline's keypoint network: (n, 96, 96, 1) -> (n, 30) px; 18,016,286 parameters."""
    init = Init(initializer, seed)
    inputs = keras.Input((FRAME, FRAME, 1), name="face")
    x = bottleneck_backbone(inputs, (3, 3), init)
    x = layers.Flatten(name="flatten")(layers.AveragePooling2D(2, name="average")(x))
    x = layers.Dense(4096, activation="relu", kernel_initializer=init(), name="dense1")(x)
    x = layers.Dropout(0.2, seed=seed, name="dropout1")(x)
    x = layers.Dense(2048, activation="relu", kernel_initializer=init(), name="dense2")(x)
    x = layers.Dropout(0.1, seed=seed + 1, name="dropout2")(x)
    outputs = layers.Dense(len(KEYPOINT_COLUMNS), kernel_initializer=init(), name="keypoints_px")(x)
    return keras.Model(inputs, outputs, name="baseline_keypoints")


def baseline_emotions(
    seed: int = 0, initializer: str = "glorot", units: tuple[int, ...] = (3, 3), classes: int = len(EMOTIONS)
) -> keras.Model:
    """The baseline's emotion network: (n, 96, 96, 1) -> (n, classes); 1,174,021 parameters with its (3, 3) units."""
    init = Init(initializer, seed)
    inputs = keras.Input((FRAME, FRAME, 1), name="face")
    x = bottleneck_backbone(inputs, units, init)
    side = x.shape[1]
    x = layers.Flatten(name="flatten")(layers.AveragePooling2D(min(4, side), name="average")(x))
    outputs = layers.Dense(
        classes, activation="softmax", kernel_initializer=init(), dtype="float32", name="probabilities"
    )(x)
    return keras.Model(inputs, outputs, name="baseline_emotions")
