"""Where an emotion network looks: Grad-CAM (Selvaraju et al. 2017), and a check that the map depends on the weights."""

import cv2
import keras
import numpy as np
import tensorflow as tf
from scipy.stats import spearmanr

from src.faces import glimpses, into_squares, to_input
from src.models.layers import Look
from src.predict.networks import face_side, reads_points

CELLS = 5  # a side; coarser maps cannot tell one part of a face from another


def _watched(model: keras.Model) -> keras.Model:
    """The network up to its last maps of at least 5x5 cells, and up to what its softmax layer reads."""
    maps = [layer for layer in model.layers if len(layer.output.shape) == 4 and layer.output.shape[1] >= CELLS]
    return keras.Model(model.input, [maps[-1].output, model.layers[-1].input])


def _onto_faces(model: keras.Model, cams: np.ndarray, points_px: np.ndarray | None) -> np.ndarray:
    """Maps of what the network reads, (n, k, k), laid where that is on the face, the rest 0: (n, side, side)."""
    side = face_side(model)
    if not reads_points(model):
        edge = sum(layer.cropping[0][0] for layer in model.layers if isinstance(layer, keras.layers.Cropping2D))
        read = (side - 2 * edge, side - 2 * edge)
        return np.pad([cv2.resize(cam, read) for cam in cams], ((0, 0), (edge, edge), (edge, edge)))
    look = next(layer for layer in model.layers if isinstance(layer, Look))
    seen = glimpses(points_px, np.reshape(look.mean_px, points_px.shape[1:]), side)
    squares, how = into_squares(seen, look.side), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cams = [cv2.resize(cam, (look.side, look.side)) for cam in cams]
    return np.stack(
        [cv2.warpAffine(cam, to[:2], (side, side), flags=how) for cam, to in zip(cams, squares, strict=True)]
    )


def grad_cam(
    model: keras.Model,
    images: np.ndarray,
    classes: np.ndarray,
    points_px: np.ndarray | None = None,
    batch_size: int = 64,
) -> np.ndarray:
    """What speaks for a class, and where: uint8 (n, h, h), classes (n,) -> float32 (n, h, h) in 0..1.

    The maps of the last layer of at least 5x5 cells, each weighted by its mean gradient of the class's logit; negative
    sums are cut off, the rest is enlarged to the part of the face that the network reads and divided by its maximum.
    A face without any evidence gives all zeros. points_px: keypoints (n, 15, 2), px of the 96x96 frame, for a network
    that reads them.
    """
    watched, head = _watched(model), model.layers[-1]
    inputs, side = [to_input(images, face_side(model))], images.shape[1]
    if reads_points(model):
        inputs.append(points_px.reshape(len(points_px), -1).astype(np.float32))
    cams = []
    for start in range(0, len(images), batch_size):
        some = slice(start, start + batch_size)
        with tf.GradientTape() as tape:
            batch = [tf.constant(it[some]) for it in inputs]
            tape.watch(batch)
            maps, features = watched(batch if len(batch) > 1 else batch[0], training=False)
            logits = tf.matmul(features, head.kernel) + head.bias  # before the softmax, as in the paper
            chosen = tf.gather(logits, classes[some].astype(np.int32), axis=1, batch_dims=1)
        weights = tf.reduce_mean(tape.gradient(chosen, maps), axis=(1, 2), keepdims=True)
        cams.append(tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1)).numpy())
    cams = _onto_faces(model, np.concatenate(cams), points_px)
    cams = np.stack([cv2.resize(cam, (side, side)) for cam in cams])
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

    The sanity check of Adebayo et al. 2018: a map that stays the same when the weights are random shows the picture,
    not what the network has learnt.
    """
    pairs = [(a.ravel(), b.ravel()) for a, b in zip(maps, others, strict=True) if np.ptp(a) and np.ptp(b)]
    return float(np.mean([spearmanr(a, b).statistic for a, b in pairs])) if pairs else 0.0
