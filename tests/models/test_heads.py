import numpy as np

from src.models.layers import BinMean, SoftArgmax


def test_a_single_hot_cell_gives_the_centre_of_its_pixels():
    heat = np.zeros((1, 24, 24, 2), np.float32)
    heat[0, 5, 20, 0] = heat[0, 0, 23, 1] = 100
    # Cell 5 of 24 covers the pixels 20..23 of 96: their centre is 21.5.
    np.testing.assert_allclose(SoftArgmax()(heat), [[81.5, 21.5, 93.5, 1.5]], atol=1e-3)
    heat[0, 5, 10, 0] = 100
    np.testing.assert_allclose(SoftArgmax()(heat)[0, :2], [61.5, 21.5], atol=1e-3)
    np.testing.assert_allclose(SoftArgmax(frame=48)(np.zeros((1, 24, 24, 1), np.float32)), [[23.5, 23.5]], atol=1e-3)


def test_a_single_hot_bin_gives_its_centre():
    logits = np.zeros((1, 2, 192), np.float32)
    logits[0, 0, 0] = logits[0, 1, 101] = 100
    # Bin 101 of 192 covers the pixels' places 50.0 to 50.5: pixel 50 lies at 49.5..50.5 of its frame.
    np.testing.assert_allclose(BinMean()(logits), [[-0.25, 50.25]], atol=1e-3)
