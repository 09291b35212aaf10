"""The networks: residual unit -> stage -> backbone -> head.

Two families share this file. The *baseline* is the network that this study started from, layer for layer: bottleneck
units whose stages begin with max-pooling (`baseline_keypoints`, `baseline_emotions`). The *compact* family is ours:
basic units with squeeze-and-excitation on a stride-1 stem (`compact_keypoints`, `compact_emotions`).

Every network reads float32 faces (n, side, side, 1) with grey values in 0..1. A keypoint network gives
float32 (n, 30): x, y of the 15 points in pixels of the 96x96 frame. An emotion network gives float32 (n, classes):
probabilities that sum to 1, the five emotions first.

Sources: He et al. 2016 "Deep Residual Learning"; Hu et al. 2018 "Squeeze-and-Excitation Networks"; Goyal
et al. 2017 "Accurate, Large Minibatch SGD" (units that begin as their shortcut).
"""

import keras
from keras import layers

from src.fused import FusedBatchNormalization
from src.heads import SoftArgmax, bins_head
from src.labels import EMOTIONS, FER_SIDE, FRAME, KEYPOINT_COLUMNS, KEYPOINTS
from src.looking import Look

# ---------------------------------------------------------------- shared pieces


class Init:
    """Kernel initialisers drawn from one seed: every layer gets its own, the same in each build."""

    def __init__(self, kind: str = "glorot", seed: int = 0):
        self._make = {"glorot": keras.initializers.GlorotUniform, "he": keras.initializers.HeNormal}[kind]
        self._seed = seed * 10_000

    def __call__(self):
        self._seed += 1
        return self._make(seed=self._seed)


def conv_bn(
    x, width: int, size: int, init: Init, name: str, *, stride: int = 1, relu: bool = True, gamma: str = "ones"
):
    """Convolution (same padding, no bias) -> batch normalisation -> ReLU, the step of the compact family.

    gamma: what the normalisation multiplies with at first. Its running means follow quickly (momentum 0.9), so that
    validation can be trusted from the first epochs on.
    """
    x = layers.Conv2D(
        width, size, stride, padding="same", use_bias=False, kernel_initializer=init(), name=f"{name}_conv"
    )(x)
    x = layers.BatchNormalization(momentum=0.9, gamma_initializer=gamma, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x


# ---------------------------------------------------------------- baseline: bottleneck units


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


# ---------------------------------------------------------------- compact: basic units


def squeeze_excite(x, init: Init, name: str, ratio: int = 8):
    """Weighs each channel by a gate computed from all channels' means (Hu et al. 2018)."""
    width = x.shape[-1]
    gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    gate = layers.Conv2D(width // ratio, 1, activation="relu", kernel_initializer=init(), name=f"{name}_reduce")(gate)
    gate = layers.Conv2D(width, 1, activation="sigmoid", kernel_initializer=init(), name=f"{name}_gate")(gate)
    return layers.Multiply(name=f"{name}_scale")([x, gate])


def basic_unit(
    x, width: int, init: Init, name: str, *, inner: int, stride: int = 1, gated: bool = True, still: bool = False
):
    """3x3 -> 3x3 -> squeeze-and-excitation, with a shortcut that averages and projects where the shape changes.

    inner: channels between the two convolutions; fewer are cheaper and leave the shortcut as it is. gated: False
    leaves squeeze-and-excitation out. still: at first only the shortcut speaks (Goyal et al. 2017), so that a unit
    more changes no answer.
    """
    short = x
    if stride > 1:
        short = layers.AveragePooling2D(stride, padding="same", name=f"{name}_short_pool")(short)
    if x.shape[-1] != width:
        short = conv_bn(short, width, 1, init, f"{name}_short", relu=False)
    main = conv_bn(x, inner, 3, init, f"{name}_a", stride=stride)
    main = conv_bn(main, width, 3, init, f"{name}_b", relu=False, gamma="zeros" if still else "ones")
    if gated:
        main = squeeze_excite(main, init, f"{name}_se")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([main, short]))


def standardized(inputs):
    """Each face of (n, side, side, 1) by itself with mean 0 and variance 1, the same shape."""
    return layers.LayerNormalization(axis=(1, 2, 3), center=False, scale=False, name="standardize")(inputs)


def compact_backbone(
    x,
    stem: tuple[int, ...],
    widths: tuple[int, ...],
    units: tuple[int, ...],
    init: Init,
    *,
    stem_width: int | None = None,
    inner: tuple[int, ...] | None = None,
    gated: bool = True,
    still: bool = False,
    prefix: str = "",
):
    """Faces (n, side, side, 1) -> one 3x3 convolution for each stride in `stem` -> stages; all but the first halve.

    stem_width: channels of those convolutions; None: as of the first stage. inner: channels within the units of each
    stage; None: as between them. gated, still: see `basic_unit`; prefix: of the layers' names. Returns the maps of
    every stage, finest first.
    """
    for i, stride in enumerate(stem):
        x = conv_bn(x, stem_width or widths[0], 3, init, f"{prefix}stem{i + 1}", stride=stride)
    maps = []
    for stage, (width, within, depth) in enumerate(zip(widths, inner or widths, units, strict=True)):
        for unit in range(depth):
            stride = 2 if stage and not unit else 1
            name = f"{prefix}stage{stage + 1}_unit{unit + 1}"
            x = basic_unit(x, width, init, name, inner=within, stride=stride, gated=gated, still=still)
        maps.append(x)
    return maps


def body_prefix(i: int) -> str:
    """What the layers' names begin with in the i-th body of an emotion network; in the first, with nothing."""
    return f"beside{i}_" if i else ""


def compact_emotions(
    seed: int = 0,
    side: int | None = FER_SIDE,
    stem: tuple[int, ...] = (2,),
    widths: tuple[int, ...] = (32, 64, 128, 256),
    units: tuple[int, ...] = (1, 2, 2, 2),
    classes: int = 7,
    inner: tuple[int, ...] | None = None,
    gated: bool = True,
    dropout: float = 0.3,
    reads_px: int | None = None,
    mean_px: list[float] | None = None,
    still: bool = False,
    beside: tuple[dict, ...] = (),
) -> keras.Model:
    """Our emotion network: (n, side, side, 1) -> (n, classes); side None: any. The weights fit every side.

    reads_px: the side of the middle square that it reads, of an even distance to `side`; None: all of the face.
    mean_px: 30 keypoints, px of the 96x96 frame; with them it has a second input, the face's keypoints (n, 30), and
    reads the square that these choose (`src/looking.py`), brought to `reads_px`, instead of the middle.
    inner, gated, still: see `compact_backbone`. beside: more bodies that read the same square, each with what it has
    otherwise than the first; the last layer reads the maps of all.
    """
    init = Init("he", seed)
    inputs = keras.Input((side, side, 1), name="face")
    if mean_px:
        inputs = [inputs, keras.Input((len(KEYPOINT_COLUMNS),), name="keypoints_px")]
        x = Look(reads_px, mean_px, name="look")(inputs)
    else:
        x = layers.Cropping2D((side - reads_px) // 2, name="middle")(inputs) if reads_px else inputs
    body = {"widths": widths, "units": units, "inner": inner, "gated": gated, "still": still}
    bodies = [{**body, "prefix": body_prefix(i), **own} for i, own in enumerate(({}, *beside))]
    x = standardized(x)
    maps = [compact_backbone(x, stem, init=init, **it)[-1] for it in bodies]
    x = layers.Concatenate(name="side_by_side")(maps) if beside else maps[0]
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dropout(dropout, seed=seed, name="dropout")(x)
    outputs = layers.Dense(
        classes,
        activation="softmax",
        dtype="float32",  # whatever the precision of the rest
        name="probabilities",
        kernel_initializer=keras.initializers.GlorotUniform(seed=seed),
    )(x)
    return keras.Model(inputs, outputs, name="compact_emotions")


def climb(maps, width: int, out: int, init: Init):
    """Joins the stages' maps at the finest side: a coarse map is enlarged and added to a 1x1 view of the finer one.

    All that in `width` channels, of which a last convolution makes `out`.
    """
    *finer, x = maps
    x = conv_bn(x, width, 1, init, f"climb{len(maps)}", relu=False)
    for i in reversed(range(len(finer))):
        x = layers.UpSampling2D(2, interpolation="bilinear", name=f"climb{i + 1}_up")(x)
        lateral = conv_bn(finer[i], width, 1, init, f"climb{i + 1}", relu=False)
        x = layers.ReLU(name=f"climb{i + 1}_sum_relu")(layers.Add(name=f"climb{i + 1}_add")([x, lateral]))
    return conv_bn(x, out, 3, init, "climb_out")


def compact_keypoints(
    seed: int = 0,
    head: str = "heatmap",
    widths: tuple[int, ...] = (32, 64, 128, 192),
    units: tuple[int, ...] = (2, 1, 1, 1),
    stem_width: int | None = None,
    inner: tuple[int, ...] | None = None,
    gated: bool = True,
    joined: tuple[int, int] = (48, 48),
) -> keras.Model:
    """Our keypoint network: (n, 96, 96, 1) -> (n, 30) px.

    head: "heatmap" (soft-argmax over 24x24 heatmaps), "bins" (Dense layers from such a map to 192 bins of x and of y)
    or "dense" (a Dense layer on the coarsest map). stem_width, inner, gated: see `compact_backbone`; joined: the
    channels of `climb`.
    """
    init = Init("he", seed)
    inputs = keras.Input((FRAME, FRAME, 1), name="face")
    body = {"stem_width": stem_width, "inner": inner, "gated": gated}
    maps = compact_backbone(standardized(inputs), (2, 2), widths, units, init, **body)
    if head in ("heatmap", "bins"):
        heat = layers.Conv2D(len(KEYPOINTS), 1, kernel_initializer=init(), name="heatmaps")(climb(maps, *joined, init))
        outputs = SoftArgmax(name="keypoints_px")(heat) if head == "heatmap" else bins_head(heat, init)
    elif head == "dense":
        x = layers.Flatten(name="flatten")(maps[-1])
        centre = keras.initializers.Constant((FRAME - 1) / 2)
        outputs = layers.Dense(
            len(KEYPOINT_COLUMNS), bias_initializer=centre, name="keypoints_px", kernel_initializer=init()
        )(x)
    else:
        raise ValueError(f"head is {head!r}; it may be 'heatmap', 'bins' or 'dense'")
    return keras.Model(inputs, outputs, name="compact_keypoints")
