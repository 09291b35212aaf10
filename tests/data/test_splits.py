import cv2
import numpy as np

from src.data.splits import deal, deal_groups, near_copies, row_hashes

SHARES = {"Training": 0.7, "Validation": 0.15, "Test": 0.15}


def test_each_split_gets_its_share_in_turn():
    assert deal(20, SHARES).tolist() == ["Training"] * 14 + ["Validation"] * 3 + ["Test"] * 3
    assert deal(1, SHARES).tolist() == ["Training"] and len(deal(0, SHARES)) == 0


def test_equal_contents_have_equal_hashes():
    hashes = row_hashes([b"a", np.frombuffer(b"a", np.uint8), b"b"])
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_group_stays_together_and_each_stratum_gets_its_shares():
    groups = np.repeat([f"g{i:02d}" for i in range(40)], 3)
    strata = np.repeat(np.arange(40) % 2, 3)
    usage = deal_groups(groups, SHARES, strata).reshape(40, 3)
    assert (usage == usage[:, :1]).all()
    for stratum in (0, 1):
        assert (usage[stratum::2, 0] == "Training").sum() == 14


def test_a_near_copy_is_the_same_photograph_in_another_light_or_size():
    photos = np.random.default_rng(0).integers(0, 256, (4, 12, 12)).astype(np.uint8)
    known = np.stack([cv2.resize(photo, (48, 48), interpolation=cv2.INTER_CUBIC) for photo in photos])
    darker = (0.5 * known[2] + 20).astype(np.uint8)
    coarser = cv2.resize(cv2.resize(known[1], (24, 24), interpolation=cv2.INTER_AREA), (48, 48))
    flat = np.full((48, 48), 90, np.uint8)
    images = np.stack([darker, known[0][:, ::-1], coarser, flat])
    np.testing.assert_array_equal(near_copies(images, known), [2, -1, 1, -1])
    assert list(near_copies(np.repeat(images, 300, axis=0), known)[::300]) == [2, -1, 1, -1], "in several batches"
