import numpy as np

from src.resnet import compact_emotions
from src.teaching import in_precision


def test_a_teacher_in_bfloat16_answers_as_in_float32_but_for_rounding():
    faces = np.random.default_rng(0).random((8, 48, 48, 1), np.float32)
    teacher = compact_emotions(1, widths=(8, 16, 16, 24), units=(1,) * 4)
    exact = teacher(faces).numpy()
    rounded = in_precision(teacher, "mixed_bfloat16")(faces).numpy()
    assert rounded.dtype == np.float32
    assert 0 < abs(rounded - exact).max() < 0.02
