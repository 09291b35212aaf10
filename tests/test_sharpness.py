import keras
import numpy as np

from src.sharpness import SharpnessAware

RHO, RATE = 0.5, 0.1
FACES, TARGETS = np.array([[1.0, 2.0], [3.0, -1.0]], np.float32), np.array([[1.0], [2.0]], np.float32)


def slope(weights):
    """Of the mean squared error of a linear network, worked out by hand."""
    return 2 * FACES.T @ (FACES @ weights - TARGETS) / len(FACES)


def test_a_step_follows_the_slope_at_the_worst_weights_nearby_from_where_it_is():
    linear = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    before = linear.get_weights()[0]
    network = SharpnessAware(linear, RHO)
    network.compile(keras.optimizers.SGD(RATE), loss="mse")
    history = network.fit(FACES, TARGETS, batch_size=2, verbose=0).history
    uphill = slope(before)
    worst = before + RHO * uphill / np.linalg.norm(uphill)
    np.testing.assert_allclose(linear.get_weights()[0], before - RATE * slope(worst), rtol=1e-5)
    assert np.linalg.norm(slope(worst) - uphill) > 0.1 * np.linalg.norm(uphill)  # another step than the usual one
    np.testing.assert_allclose(history["loss"], [np.mean((FACES @ before - TARGETS) ** 2)], rtol=1e-5)
