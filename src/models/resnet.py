"""The networks: residual unit -> stage -> network. *Compact* are ours, *baseline* the original study's.

Every network reads float32 faces (n, side, side, 1) with grey values in 0..1. A keypoint network gives float32 (n, 30):
x, y of the 15 points in px of the 96x96 frame; ours also gives how certain each is. An emotion network gives float32
(n, classes): probabilities that sum to 1, the five emotions first.

Sources: He et al. 2016 "Deep Residual Learning"; Hu et al. 2018 "Squeeze-and-Excitation Networks".
"""

import keras
import numpy as np
from keras import layers, ops

from src.labels import EMOTIONS, FER_SIDE, FRAME, KEYPOINT_COLUMNS, KEYPOINTS, LANDMARKS
from src.models.layers import AlignedCrop, BatchNormalization, SoftArgmax, cells

FIRST = "standardize"  # the compact networks' first layer behind the crop
HEATMAPS = "heatmaps"  # of a keypoint network: the layer that makes their logits


class Init:
    """Kernel initialisers drawn from one seed: every layer gets its own, the same in each build."""

    def __init__(self, kind: str = "glorot", seed: int = 0):
        self._make = {"glorot": keras.initializers.GlorotUniform, "he": keras.initializers.HeNormal}[kind]
        self._seed = seed * 10_000

    def __call__(self):
        self._seed += 1
        return self._make(seed=self._seed)


def _dropout(x, rate: float, seed: int, name: str):
    return layers.Dropout(rate, seed=seed, name=name)(x)


# ---------------------------------------------------------------- ours


def conv_bn(x, width: int, size: int, init: Init, name: str, *, stride: int = 1, relu: bool = True):
    """Convolution (same padding, no bias) -> batch normalisation -> ReLU, the step of the compact networks.

    The running means follow quickly (momentum 0.9), so that validation can be trusted from the first epochs on.
    """
    x = layers.Conv2D(
        width, size, stride, padding="same", use_bias=False, kernel_initializer=init(), name=f"{name}_conv"
    )(x)
    x = BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x


def squeeze_excite(x, init: Init, name: str, ratio: int = 8):
    """Weighs each channel by a gate computed from all channels' means (Hu et al. 2018)."""
    width = x.shape[-1]
    gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    gate = layers.Conv2D(width // ratio, 1, activation="relu", kernel_initializer=init(), name=f"{name}_reduce")(gate)
    gate = layers.Conv2D(width, 1, activation="sigmoid", kernel_initializer=init(), name=f"{name}_gate")(gate)
    return layers.Multiply(name=f"{name}_scale")([x, gate])


def residual_unit(x, width: int, init: Init, name: str, *, stride: int = 1, gated: bool = True):
    """3x3 -> 3x3 -> squeeze-and-excitation, with a shortcut that averages and projects where the shape changes."""
    short = x
    if stride > 1:
        short = layers.AveragePooling2D(stride, padding="same", name=f"{name}_short_pool")(short)
    if x.shape[-1] != width:
        short = conv_bn(short, width, 1, init, f"{name}_short", relu=False)
    main = conv_bn(x, width, 3, init, f"{name}_a", stride=stride)
    main = conv_bn(main, width, 3, init, f"{name}_b", relu=False)
    if gated:
        main = squeeze_excite(main, init, f"{name}_se")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([main, short]))


def compact_backbone(x, stem: int, widths: tuple[int, ...], units: tuple[int, ...], init: Init, *, gated: bool = True):
    """Faces (n, side, side, 1) -> `stem` 3x3 convolutions that halve -> stages; all stages but the first halve.

    Each face is first brought to mean 0 and variance 1 by itself. Returns the maps of every stage, finest first.
    """
    x = layers.LayerNormalization(axis=(1, 2, 3), center=False, scale=False, name=FIRST)(x)
    for i in range(stem):
        x = conv_bn(x, widths[0], 3, init, f"stem{i + 1}", stride=2)
    maps = []
    for stage, (width, depth) in enumerate(zip(widths, units, strict=True)):
        for unit in range(depth):
            stride = 2 if stage and not unit else 1
            x = residual_unit(x, width, init, f"stage{stage + 1}_unit{unit + 1}", stride=stride, gated=gated)
        maps.append(x)
    return maps


def compact_emotions(
    seed: int = 0,
    widths: tuple[int, ...] = (32, 64, 128, 256),
    units: tuple[int, ...] = (1, 2, 2, 1),
    classes: int = 7,
    gated: bool = True,
    crop_px: int | None = None,
    mean_px: list[float] | None = None,
) -> keras.Model:
    """Our emotion network: (n, 48, 48, 1) -> (n, classes).

    crop_px: side of the square in the middle of the face that it reads; None: all of the face. mean_px: 30 keypoints,
    px of the 96x96 frame; with them it has a second input, the face's keypoints (n, 30), and reads the aligned crop
    (`layers.AlignedCrop`) instead of the middle.
    """
    init = Init("he", seed)
    inputs = x = keras.Input((FER_SIDE, FER_SIDE, 1), name="face")
    if mean_px:
        inputs = [x, keras.Input((len(KEYPOINT_COLUMNS),), name="keypoints_px")]
        x = AlignedCrop(crop_px, mean_px, name="aligned_crop")(inputs)
    elif crop_px:
        x = layers.Cropping2D((FER_SIDE - crop_px) // 2, name="middle")(x)
    x = compact_backbone(x, 1, widths, units, init, gated=gated)[-1]
    x = _dropout(layers.GlobalAveragePooling2D(name="average")(x), 0.3, seed, "dropout")
    start = keras.initializers.GlorotUniform(seed=seed)
    outputs = layers.Dense(classes, activation="softmax", kernel_initializer=start, name="probabilities")(x)
    return keras.Model(inputs, outputs, name="compact_emotions")


def behind_crop(model: keras.Model) -> keras.Model:
    """The layers of a compact network behind its crop, the same ones: a model of squares, to train."""
    return keras.Model(model.get_layer(FIRST).input, model.output, name=model.name)


def joined_maps(maps, width: int, init: Init):
    """Stages' maps joined at the finest side: a coarse map is enlarged and added to a 1x1 view of the finer one."""
    *finer, x = maps
    x = conv_bn(x, width, 1, init, f"climb{len(maps)}", relu=False)
    for i in reversed(range(len(finer))):
        x = layers.UpSampling2D(2, interpolation="bilinear", name=f"climb{i + 1}_up")(x)
        lateral = conv_bn(finer[i], width, 1, init, f"climb{i + 1}", relu=False)
        x = layers.ReLU(name=f"climb{i + 1}_sum_relu")(layers.Add(name=f"climb{i + 1}_add")([x, lateral]))
    return conv_bn(x, width, 3, init, "climb_out")


def compact_keypoints(
    seed: int = 0,
    widths: tuple[int, ...] = (32, 64, 128, 192),
    units: tuple[int, ...] = (2, 1, 1, 1),
) -> keras.Model:
    """Our keypoint network: (n, 96, 96, 1) -> points (n, 30) px, and how far each heatmap spreads, (n, 15) px.

    A heatmap has 48x48 cells, four in each place of the 24x24 maps, which have 48 channels.
    """
    init = Init("he", seed)
    inputs = keras.Input((FRAME, FRAME, 1), name="face")
    joined = joined_maps(compact_backbone(inputs, 2, widths, units, init), 48, init)
    heat = layers.Conv2D(4 * len(KEYPOINTS), 1, kernel_initializer=init(), name=HEATMAPS)(joined)
    points, spread = SoftArgmax(len(KEYPOINTS), name="read_out")(heat)
    outputs = [layers.Identity(name="keypoints_px")(points), layers.Identity(name="spread_px")(spread)]
    return keras.Model(inputs, outputs, name="compact_keypoints")


def heatmaps_of(model: keras.Model, faces: np.ndarray) -> np.ndarray:
    """The 15 heatmaps that a compact keypoint network reads points off: faces (n, 96, 96, 1) -> (n, 15, 48, 48).

    Each sums to 1: how likely the point lies in each cell.
    """
    logits = keras.Model(model.input, model.get_layer(HEATMAPS).output).predict_on_batch(faces)
    flat = ops.convert_to_numpy(ops.softmax(cells(logits, len(KEYPOINTS)), axis=2))
    side, fine = logits.shape[1], 2
    blocks = flat.reshape(-1, len(KEYPOINTS), fine, fine, side, side).transpose(0, 1, 4, 2, 5, 3)
    return blocks.reshape(-1, len(KEYPOINTS), side * fine, side * fine)


def keypoint_teaching(model: keras.Model, seed: int = 0, *, landmarks: bool = True) -> keras.Model:
    """A compact keypoint network as it is trained: the same layers, with outputs that only training needs.

    keypoints_px (n, 30); heatmaps (n, 24, 24, 60), their logits; with landmarks, the logits of coarser heatmaps off the
    same maps: landmarks (n, 24, 24, 68), and other_source (n, 24, 24, 83), the 15 points and the landmarks as another
    source places them.
    """
    init = Init("he", seed + 1)
    heat = model.get_layer(HEATMAPS)
    outputs = {"keypoints_px": model.get_layer("keypoints_px").output, HEATMAPS: heat.output}
    more = {"landmarks": LANDMARKS, "other_source": len(KEYPOINTS) + LANDMARKS} if landmarks else {}
    for name, points in more.items():
        outputs[name] = layers.Conv2D(points, 1, kernel_initializer=init(), name=name)(heat.input)
    return keras.Model(model.input, outputs, name=model.name)


# ---------------------------------------------------------------- the original's, layer for layer


def bottleneck_unit(x, widths: tuple[int, int, int], init: Init, name: str, *, pool: bool = False):
    """1x1 -> 3x3 -> 1x1 with a shortcut. `pool`: both paths are max-pooled 2x2 behind their first convolution."""

    def conv(x, width, size, part):
        return layers.Conv2D(width, size, padding="same", kernel_initializer=init(), name=f"{name}_{part}_conv")(x)

    reduce, spatial, expand = widths
    main = conv(x, reduce, 1, "a")
    if pool:
        main = layers.MaxPooling2D(2, name=f"{name}_a_pool")(main)
    main = layers.ReLU(name=f"{name}_a_relu")(BatchNormalization(name=f"{name}_a_bn")(main))
    main = layers.ReLU(name=f"{name}_b_relu")(BatchNormalization(name=f"{name}_b_bn")(conv(main, spatial, 3, "b")))
    main = BatchNormalization(name=f"{name}_c_bn")(conv(main, expand, 1, "c"))
    if pool:
        x = layers.MaxPooling2D(2, name=f"{name}_short_pool")(conv(x, expand, 1, "short"))
        x = BatchNormalization(name=f"{name}_short_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([main, x]))


def bottleneck_backbone(inputs, units: tuple[int, ...], init: Init):
    """ZeroPadding(3) - Conv 64 7x7/2 - BN - ReLU - MaxPool 3/2 - a stage of `units[i]` bottleneck units each.

    Stage i has widths (64, 64, 256) x 2^i and halves the picture at its first unit. `units=(3, 3)` is the baseline's;
    `(3, 8, 36, 3)` makes a network of 152 weighted layers, its head's Dense layer counted.
    """
    x = layers.ZeroPadding2D(3, name="pad")(inputs)
    x = layers.Conv2D(64, 7, 2, kernel_initializer=init(), name="conv1")(x)
    x = layers.ReLU(name="relu1")(BatchNormalization(name="bn1")(x))
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    for stage, depth in enumerate(units):
        widths = tuple(width * 2**stage for width in (64, 64, 256))
        for unit in range(depth):
            letter = f"{'abcdefghijklmnopqrstuvwxyz'[unit % 26]}{unit // 26 or ''}"
            x = bottleneck_unit(x, widths, init, f"res{stage + 2}{letter}", pool=unit == 0)
    return x


def baseline_keypoints(seed: int = 0, initializer: str = "glorot") -> keras.Model:
    """The baseline's keypoint network: (n, 96, 96, 1) -> (n, 30) px; 18,016,286 parameters."""
    init = Init(initializer, seed)
    inputs = keras.Input((FRAME, FRAME, 1), name="face")
    x = bottleneck_backbone(inputs, (3, 3), init)
    x = layers.Flatten(name="flatten")(layers.AveragePooling2D(2, name="average")(x))
    x = layers.Dense(4096, activation="relu", kernel_initializer=init(), name="dense1")(x)
    x = _dropout(x, 0.2, seed, "dropout1")
    x = layers.Dense(2048, activation="relu", kernel_initializer=init(), name="dense2")(x)
    x = _dropout(x, 0.1, seed + 1, "dropout2")
    outputs = layers.Dense(len(KEYPOINT_COLUMNS), kernel_initializer=init(), name="keypoints_px")(x)
    return keras.Model(inputs, outputs, name="baseline_keypoints")


def baseline_emotions(
    seed: int = 0, initializer: str = "glorot", units: tuple[int, ...] = (3, 3), classes: int = len(EMOTIONS)
) -> keras.Model:
    """The baseline's emotion network: (n, 96, 96, 1) -> (n, classes); 1,174,021 parameters with its (3, 3) units."""
    init = Init(initializer, seed)
    inputs = keras.Input((FRAME, FRAME, 1), name="face")
    x = bottleneck_backbone(inputs, units, init)
    x = layers.Flatten(name="flatten")(layers.AveragePooling2D(min(4, x.shape[1]), name="average")(x))
    outputs = layers.Dense(classes, activation="softmax", kernel_initializer=init(), name="probabilities")(x)
    return keras.Model(inputs, outputs, name="baseline_emotions")
