"""Our networks, the *compact* family: residual unit -> stage -> backbone -> head.

Basic units with squeeze-and-excitation; the networks that the study started from are in `src/baseline.py`. Every
network reads float32 faces (n, side, side, 1) with grey values in 0..1. A keypoint network gives float32 (n, 30): x, y
of the 15 points in pixels of the 96x96 frame. An emotion network gives float32 (n, classes): probabilities that sum to
1, the five emotions first.

Sources: He et al. 2016 "Deep Residual Learning"; Hu et al. 2018 "Squeeze-and-Excitation Networks"; Goyal
et al. 2017 "Accurate, Large Minibatch SGD" (units that begin as their shortcut).
"""

import keras
from keras import layers

from src.heads import SoftArgmax, bins_head
from src.labels import FER_SIDE, FRAME, KEYPOINT_COLUMNS, KEYPOINTS
from src.looking import Look


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


def fine_view(x, width: int, out: int, init: Init, name: str):
    """Every px of the face, looked at in two units before anything halves: maps of `out` channels, half the side.

    They are 0 at first, so that a trained network given this view answers as it did.
    """
    x = conv_bn(x, width, 3, init, f"{name}_stem1")
    for unit in range(2):
        x = basic_unit(x, width, init, f"{name}_unit{unit + 1}", inner=width)
    return conv_bn(x, out, 3, init, f"{name}_halve", stride=2, relu=False, gamma="zeros")


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
    fine: int | None = None,
    prefix: str = "",
):
    """Faces (n, side, side, 1) -> one 3x3 convolution for each stride in `stem` -> stages; all but the first halve.

    stem_width: channels of those convolutions; None: as of the first stage. inner: channels within the units of each
    stage; None: as between them. gated, still: see `basic_unit`; fine: channels of a `fine_view` added to what a stem
    of one convolution that halves sees; prefix: of the layers' names. Returns the maps of every stage, finest first.
    """
    faces = x
    for i, stride in enumerate(stem):
        x = conv_bn(x, stem_width or widths[0], 3, init, f"{prefix}stem{i + 1}", stride=stride)
    if fine:
        x = layers.Add(name=f"{prefix}fine_add")([x, fine_view(faces, fine, widths[0], init, f"{prefix}fine")])
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
    fine: int | None = None,
    beside: tuple[dict, ...] = (),
) -> keras.Model:
    """Our emotion network: (n, side, side, 1) -> (n, classes); side None: any. The weights fit every side.

    reads_px: the side of the middle square that it reads, of an even distance to `side`; None: all of the face.
    mean_px: 30 keypoints, px of the 96x96 frame; with them it has a second input, the face's keypoints (n, 30), and
    reads the square that these choose (`src/looking.py`), brought to `reads_px`, instead of the middle.
    inner, gated, still, fine: see `compact_backbone`. beside: more bodies that read the same square, each with what
    it has otherwise than the first; the last layer reads the maps of all.
    """
    init = Init("he", seed)
    inputs = keras.Input((side, side, 1), name="face")
    if mean_px:
        inputs = [inputs, keras.Input((len(KEYPOINT_COLUMNS),), name="keypoints_px")]
        x = Look(reads_px, mean_px, name="look")(inputs)
    else:
        x = layers.Cropping2D((side - reads_px) // 2, name="middle")(inputs) if reads_px else inputs
    body = {"widths": widths, "units": units, "inner": inner, "gated": gated, "still": still, "fine": fine}
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
