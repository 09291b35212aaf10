"""Weights files in half precision: half the size, and every backend computes with the very numbers in them.

Exporters merge a convolution with the batch normalisation behind it, which scales each channel. Where that scale is a
power of two, rounding before and after the merger is the same. The two layers' answers stay if a channel's kernel is
scaled and the means and variances that normalise it follow; so the scale can be chosen.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import keras
import numpy as np

from src.files import replacing

SMALLEST_SCALE = 2.0**-12  # a channel that normalisation makes smaller still hardly counts
LOSSLESS = 1e-6  # of an array's largest value: what float32 loses by a multiplication or two


def in_halves(values: np.ndarray) -> np.ndarray:
    """float32 arrays of two axes or more as float16 where that loses nothing, others as they are."""
    if values.dtype != np.float32 or values.ndim < 2:
        return values
    halves = values.astype(np.float16)
    return halves if np.abs(halves - values).max() <= LOSSLESS * np.abs(values).max() else values


def round_kernels(model: keras.Model) -> None:
    """Rounds the arrays of two axes or more to half precision, and normalisations to scales of powers of two."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            before = layer.input._keras_history.operation
            if isinstance(before, keras.layers.Conv2D):
                _scale_by_power_of_two(before, layer)
    for weight in model.weights:
        if len(weight.shape) > 1:
            weight.assign(np.asarray(weight).astype(np.float16).astype(np.float32))


def _scale_by_power_of_two(convolution: keras.Layer, normalisation: keras.layers.BatchNormalization) -> None:
    gamma, beta, mean, variance = (it.astype(np.float64) for it in normalisation.get_weights())
    scale = np.abs(gamma) / np.sqrt(variance + normalisation.epsilon)
    counts = scale > SMALLEST_SCALE
    power = np.where(counts, 2.0 ** np.floor(np.log2(np.maximum(scale, SMALLEST_SCALE))), 1)
    factor = np.where(counts, scale / power, 1)  # at least 1, so that no variance gets negative
    convolution.set_weights([it * factor for it in convolution.get_weights()])  # channels are the last axis
    variance = np.where(counts, (gamma / power) ** 2 - normalisation.epsilon, variance)
    normalisation.set_weights([gamma, beta, mean * factor, variance])


def save_in_halves(model: keras.Model, path: Path) -> None:
    """Writes a model's weights, rounded by `round_kernels`; the model itself stays as it is."""
    exact = model.get_weights()
    with replacing(path) as part, TemporaryDirectory() as folder:
        round_kernels(model)
        model.save_weights(whole := Path(folder) / path.name)
        model.set_weights(exact)
        with h5py.File(whole) as source, h5py.File(part, "w") as target:
            source.visititems(lambda name, it: _add(target, name, it))


def _add(target: h5py.File, name: str, item: h5py.Group | h5py.Dataset) -> None:
    if isinstance(item, h5py.Dataset):
        target.create_dataset(name, data=in_halves(item[()]))
    else:
        target.require_group(name).attrs.update(item.attrs)
