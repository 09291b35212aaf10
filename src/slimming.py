"""Trained networks' weights for others: of the same layers, but fewer units, inner channels or gates; or of several.

The channels kept are those whose outputs weigh most, after Li et al. 2017, "Pruning Filters for Efficient ConvNets".
"""

import keras
import numpy as np

from src.resnet import body_prefix

_AXES = (3, 0, 2)  # where a unit's first convolution, its normalisation and its second convolution hold that channel


def _chain(layer: str) -> tuple[str, str, str]:
    """The three layers of a unit that hold its inner channels, for the name of one of them."""
    unit = layer.rsplit("_", 2)[0]
    return f"{unit}_a_conv", f"{unit}_a_bn", f"{unit}_b_conv"


def weightiest(network: keras.Model, layer: str, count: int) -> np.ndarray:
    """The `count` inner channels of a layer's unit that speak loudest in what it adds, int (count,), ascending.

    Loudness: the size that normalisation gives a channel, times that of the weights by which it is heard.
    """
    _, normalised, hearing = _chain(layer)
    heard = np.sqrt((network.get_layer(hearing).kernel.numpy() ** 2).sum(axis=(0, 1, 3)))
    loudness = abs(network.get_layer(normalised).gamma.numpy()) * heard
    return np.sort(np.argsort(-loudness, kind="stable")[:count])


def _mean_gates(teacher: keras.Model, units: list[str], faces: np.ndarray) -> list[np.ndarray]:
    """By how much each unit's squeeze-and-excitation multiplies its channels, on average over the faces."""
    gates = [teacher.get_layer(f"{unit}_se_gate").output for unit in units]
    backbone = keras.Model(teacher.get_layer("standardize").input, gates)
    return [it.mean(axis=(0, 1, 2)) for it in backbone.predict(faces, batch_size=256, verbose=0)]


def hand_down(teacher: keras.Model, student: keras.Model, faces: np.ndarray) -> None:
    """Gives the student the weights of the teacher's layers of the same name, of their channels the weightiest.

    Layers that the teacher lacks stay as they are; those that the student lacks are left out. Where it lacks the
    gates of a unit, the unit's last normalisation takes over what they are on average for `faces`, float32
    (n, side, side, 1) as the teacher's first stage is given them.
    """
    known = {layer.name for layer in student.layers}
    for layer in (layer for layer in teacher.layers if layer.weights and layer.name in known):
        heir, weights = student.get_layer(layer.name), layer.get_weights()
        if heir.weights[0].shape != layer.weights[0].shape:
            chain = _chain(layer.name)
            kept = weightiest(teacher, layer.name, student.get_layer(chain[1]).gamma.shape[0])
            weights = [np.take(it, kept, axis=_AXES[chain.index(layer.name)]) for it in weights]
        heir.set_weights(weights)
    gated = [layer.name.removesuffix("_se_gate") for layer in teacher.layers if layer.name.endswith("_se_gate")]
    ungated = [unit for unit in gated if f"{unit}_relu" in known and f"{unit}_se_gate" not in known]
    if ungated:
        for unit, gate in zip(ungated, _mean_gates(teacher, ungated, faces), strict=True):
            layer = student.get_layer(f"{unit}_b_bn")
            gamma, beta, *statistics = layer.get_weights()
            layer.set_weights([gamma * gate, beta * gate, *statistics])


def put_side_by_side(parts: list[keras.Model], whole: keras.Model) -> None:
    """Gives each body of an emotion network (`resnet.compact_emotions` with `beside`) the weights of a network alone.

    The logits of the whole are then the mean of those of the parts.
    """
    for i, part in enumerate(parts):
        for layer in (layer for layer in part.layers[:-1] if layer.weights):
            whole.get_layer(body_prefix(i) + layer.name).set_weights(layer.get_weights())
    kernels, biases = zip(*(part.layers[-1].get_weights() for part in parts), strict=True)
    whole.layers[-1].set_weights([np.concatenate(kernels) / len(parts), np.mean(biases, axis=0)])
