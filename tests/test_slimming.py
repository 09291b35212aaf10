import keras
import numpy as np
import tensorflow as tf

from src.resnet import compact_emotions
from src.slimming import hand_down, put_side_by_side, weightiest

TINY = {"widths": (8, 16, 16, 24), "side": 24}
HALVES = (4, 8, 8, 12)
FACES = np.random.default_rng(0).random((5, 24, 24, 1), np.float32)


def silence(network, channels: dict[str, list[int]]):
    """Channels that say nothing, whatever they are given."""
    for unit, silent in channels.items():
        layer = network.get_layer(f"{unit}_a_bn")
        gamma, beta, *statistics = layer.get_weights()
        gamma[silent] = beta[silent] = 0
        layer.set_weights([gamma, beta, *statistics])


def test_without_its_silent_channels_a_network_answers_the_same():
    teacher = compact_emotions(1, units=(1, 1, 1, 1), **TINY)
    halves = {f"stage{i + 1}_unit1": half for i, half in enumerate(HALVES)}
    rng = np.random.default_rng(2)
    silence(teacher, {unit: rng.permutation(2 * half)[:half].tolist() for unit, half in halves.items()})
    student = compact_emotions(3, units=(1, 1, 1, 1), inner=HALVES, **TINY)
    before = np.array(student(FACES))
    hand_down(teacher, student, FACES)
    assert student.count_params() < teacher.count_params()
    np.testing.assert_allclose(np.array(student(FACES)), np.array(teacher(FACES)), atol=1e-6)
    assert abs(before - np.array(teacher(FACES))).max() > 1e-3


def test_the_loudest_channels_are_kept_in_their_order():
    network = compact_emotions(1, units=(1, 1, 1, 1), **TINY)
    silence(network, {"stage1_unit1": [0, 3, 5]})
    assert weightiest(network, "stage1_unit1_a_bn", 5).tolist() == [1, 2, 4, 6, 7]


def test_a_unit_that_the_student_lacks_is_left_out():
    teacher = compact_emotions(1, units=(1, 2, 1, 1), **TINY)
    student = compact_emotions(2, units=(1, 1, 1, 1), **TINY)
    hand_down(teacher, student, FACES)
    for layer in (layer for layer in student.layers if layer.weights):
        for ours, theirs in zip(layer.get_weights(), teacher.get_layer(layer.name).get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_a_view_of_every_px_changes_no_answer_at_first_but_learns():
    teacher = compact_emotions(1, units=(1, 1, 1, 1), **TINY)
    student = compact_emotions(2, units=(1, 1, 1, 1), fine=8, **TINY)
    hand_down(teacher, student, FACES)
    np.testing.assert_array_equal(student(FACES).numpy(), teacher(FACES).numpy())
    gamma = student.get_layer("fine_halve_bn").gamma
    assert not gamma.numpy().any()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(student(FACES, training=True)[:, 0])
    assert tape.gradient(loss, gamma.value).numpy().any()


def test_gates_that_the_student_lacks_are_replaced_by_what_they_are_on_average():
    teacher = compact_emotions(1, units=(1, 1, 1, 1), **TINY)
    rng = np.random.default_rng(4)
    for layer in (layer for layer in teacher.layers if layer.name.endswith("_se_gate")):
        kernel, bias = layer.get_weights()
        layer.set_weights([np.zeros_like(kernel), rng.normal(size=bias.shape)])  # the same for every face
    student = compact_emotions(2, units=(1, 1, 1, 1), gated=False, **TINY)
    assert not any(isinstance(layer, keras.layers.Multiply) for layer in student.layers)
    hand_down(teacher, student, FACES)
    np.testing.assert_allclose(np.array(student(FACES)), np.array(teacher(FACES)), atol=1e-5)


def test_side_by_side_networks_answer_with_the_mean_of_their_logits():
    slim = {"units": (1, 1, 1, 1), "inner": HALVES, "gated": False}
    first = compact_emotions(1, units=(1, 2, 1, 1), **TINY)
    second = compact_emotions(2, **slim, **TINY)
    both = compact_emotions(3, units=(1, 2, 1, 1), beside=(slim,), **TINY)
    rng = np.random.default_rng(5)
    for network in (first, second):  # normalisation that has seen something, biases that say something
        network.set_weights([it + 0.003 * abs(rng.normal(size=it.shape)) for it in network.get_weights()])
    put_side_by_side([first, second], both)
    logits = sum(np.log(np.array(network(FACES))) for network in (first, second)) / 2
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.array(both(FACES)), expected, atol=1e-5)
    assert both.count_params() == first.count_params() + second.count_params() - 7  # they share one bias
