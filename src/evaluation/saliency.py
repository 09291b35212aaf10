"""Where an emotion network looks: Grad-CAM (Selvaraju et al. 2017), and a check that the map depends on the weights."""

import cv2
import keras
import numpy as np
from keras import ops
from scipy.stats import spearmanr

from src.faces import aligned_crops, into_crops, into_middle, to_input
from src.models.layers import AlignedCrop
from src.predict.networks import face_side, reads_points


def _gradient(function, values):
    """Gradient of a number that `function` makes of a tensor, of its shape: the one thing that has no Keras name."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(jax.grad(function))(values)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(values)
        number = function(values)
    return tape.gradient(number, values)


def _onto_faces(model: keras.Model, cams: np.ndarray, points_px: np.ndarray | None) -> np.ndarray:
    """Maps of what the network reads, (n, k, k), laid where that is on the face, the rest 0: (n, side, side)."""
    side = face_side(model)
    if reads_points(model):
        crop = next(layer for layer in model.layers if isinstance(layer, AlignedCrop))
        read, mean_px = crop.side, np.reshape(crop.mean_px, (-1, 2))
        into_read = into_crops(aligned_crops(points_px, mean_px, side), read)
    else:
        read = side - 2 * sum(it.cropping[0][0] for it in model.layers if isinstance(it, keras.layers.Cropping2D))
        into_read = np.broadcast_to(into_middle(side, read, read), (len(cams), 3, 3))
    cams, how = [cv2.resize(cam, (read, read)) for cam in cams], cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.stack([cv2.warpAffine(*it, (side, side), flags=how) for it in zip(cams, into_read[:, :2], strict=True)])


def grad_cam(
    model: keras.Model, images: np.ndarray, classes: np.ndarray, points_px: np.ndarray | None = None
) -> np.ndarray:
    """What speaks for a class, and where: uint8 (n, h, h), classes (n,) -> float32 (n, h, h) in 0..1.

    The maps of the last layer of at least 5x5 cells, each weighted by its mean gradient of the class's logit; negative
    sums are cut off, the rest is enlarged to the part of the face that the network reads and divided by its maximum;
    no evidence: all zeros. points_px: keypoints (n, 15, 2), px of the 96x96 frame, if it reads any. All n go at once.
    """
    outputs = [layer.output for layer in model.layers]
    watched = [it for it in outputs if len(it.shape) == 4 and it.shape[1] >= 5][-1]  # coarser ones tell no parts apart
    head, inputs = model.layers[-1], [to_input(images, face_side(model))]
    if reads_points(model):
        inputs.append(points_px.reshape(len(points_px), -1).astype(np.float32))
    maps = keras.Model(model.inputs, watched)(inputs, training=False)
    behind = keras.Model(watched, head.input)  # from the maps to what the softmax layer reads
    chosen = ops.convert_to_numpy(head.kernel).T[classes]

    def logits(maps):  # before the softmax, as in the paper; without the biases, which have no gradient
        return ops.sum(behind(maps, training=False) * chosen)

    weights = ops.mean(_gradient(logits, maps), axis=(1, 2), keepdims=True)
    cams = ops.convert_to_numpy(ops.relu(ops.sum(weights * maps, axis=-1)))
    cams = np.stack([cv2.resize(cam, images.shape[1:]) for cam in _onto_faces(model, cams, points_px)])
    peak = cams.max(axis=(1, 2), keepdims=True)
    return np.divide(cams, peak, out=np.zeros_like(cams), where=peak > 0)


def with_random_weights(model: keras.Model, seed: int) -> keras.Model:
    """The same network with every kernel's numbers shuffled; batch normalisation keeps what it has learnt."""
    rng = np.random.default_rng(seed)
    copy = keras.models.clone_model(model)
    copy.set_weights([rng.permuted(weight) if weight.ndim > 1 else weight for weight in model.get_weights()])
    return copy


def map_agreement(maps: np.ndarray, others: np.ndarray) -> float:
    """Mean rank correlation of two sets of maps (n, h, h), face by face; faces with a constant map are left out.

    The sanity check of Adebayo et al. 2018: maps that random weights leave as they were do not show what was learnt.
    """
    pairs = [(a.ravel(), b.ravel()) for a, b in zip(maps, others, strict=True) if np.ptp(a) and np.ptp(b)]
    return float(np.mean([spearmanr(a, b).statistic for a, b in pairs])) if pairs else 0.0
