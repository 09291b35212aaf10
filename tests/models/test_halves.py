import keras
import numpy as np
import pytest
from weights_file import arrays

from src.models.halves import in_halves, round_kernels, save_in_halves
from src.models.resnet import compact_emotions


@pytest.fixture
def model():
    """A tiny network whose normalisations have scales of their own, some of them none or hardly any."""
    model = compact_emotions(seed=1, widths=(8, 16), units=(1, 1))
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            gamma = rng.uniform(-2, 2, gamma.shape)
            gamma[:2] = 0, 1e-6
            shift, spread = rng.normal(size=beta.shape), rng.uniform(1e-4, 3, variance.shape)
            layer.set_weights([gamma, shift, rng.normal(size=mean.shape), spread])
    return model


def merged_kernels(model):
    """The kernel of each convolution times the scale of the normalisation behind it, as exporters merge them."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, _, _, variance = layer.get_weights()
            kernel = layer.input._keras_history.operation.get_weights()[0]
            yield kernel * (gamma / np.sqrt(variance + np.float32(layer.epsilon)))


def test_rounding_hardly_changes_the_answers_and_scales_become_powers_of_two(model):
    faces = np.random.default_rng(1).random((4, 48, 48, 1), dtype=np.float32)
    before, exact = model.predict_on_batch(faces), list(merged_kernels(model))
    round_kernels(model)
    np.testing.assert_allclose(model.predict_on_batch(faces), before, atol=2e-3)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, _, _, variance = layer.get_weights()
            assert variance.min() >= 0
            powers = np.log2(np.abs(gamma[2:]) / np.sqrt(variance[2:] + layer.epsilon))
            np.testing.assert_allclose(powers, np.round(powers), atol=1e-5)
    for kernel, its_exact in zip(merged_kernels(model), exact, strict=True):
        np.testing.assert_allclose(kernel, its_exact, rtol=1e-3, atol=1e-6)
        assert in_halves(kernel).dtype == np.float16, "merged, it is of half precision too"


def test_a_file_in_halves_is_half_as_large_and_loads_to_the_rounded_network(model, tmp_path):
    before = model.get_weights()
    model.save_weights(tmp_path / "whole.weights.h5")
    save_in_halves(model, tmp_path / "halves.weights.h5")
    assert all((ours == theirs).all() for ours, theirs in zip(model.get_weights(), before, strict=True))
    kinds = {(it.ndim > 1, it.dtype.name) for it in arrays(tmp_path / "halves.weights.h5").values()}
    assert kinds == {(True, "float16"), (False, "float32")}
    sizes = [sum(it.nbytes for it in arrays(path).values()) for path in sorted(tmp_path.glob("*.h5"))]
    assert sizes[0] < 0.6 * sizes[1]
    loaded = keras.models.clone_model(model)
    loaded.load_weights(tmp_path / "halves.weights.h5")
    round_kernels(model)
    assert all((ours == theirs).all() for ours, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["halves.weights.h5", "whole.weights.h5"]


def test_only_what_loses_nothing_is_halved():
    halves = np.float32([[0.5, 0.25], [1, 0]])
    assert in_halves(halves).dtype == np.float16
    assert in_halves(halves + np.float32(1e-4)).dtype == np.float32
    assert in_halves(halves[0]).dtype == np.float32, "vectors are small, and scales need all their digits"
    assert in_halves(np.array([[1, 2]])).dtype == np.int64
