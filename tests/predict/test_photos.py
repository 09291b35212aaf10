import io
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from fake_reader import bomb
from PIL import Image
from skimage import data

from src.data.sample import draw_faces
from src.predict.photos import (
    LONG_SIDE,
    FaceDetector,
    PhotoError,
    files_in,
    read_photo,
    squares_from_boxes,
    squares_from_points,
    to_grey,
)

RED, BLUE = (200, 30, 40), (10, 60, 220)
FACE = np.array([224, 122])  # the middle of the portrait's face, px
SIDE = 100  # of the face, about


# ---------------------------------------------------------------- files


def touch(*paths: Path):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folders_are_read_by_name_to_their_last_file(tmp_path):
    names = ["b/2.jpg", "b/1.jpg", "b/deep/er/x y é.png", "a.jpg", "-board.png", "b/notes.txt"]
    touch(*(tmp_path / name for name in names))
    found = list(files_in([tmp_path]))
    assert [str(path.relative_to(tmp_path)) for path, _ in found] == [
        "-board.png", "a.jpg", "b/1.jpg", "b/2.jpg", "b/deep/er/x y é.png", "b/notes.txt",
    ]  # fmt: skip
    assert {reason for _, reason in found} == {""}


def test_a_loop_of_folders_ends_with_a_reason(tmp_path):
    touch(tmp_path / "a/1.jpg", tmp_path / "b/2.jpg")
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "a/to_b").symlink_to(tmp_path / "b")
    (tmp_path / "b/to_a").symlink_to(tmp_path / "a")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    found = {str(path.relative_to(tmp_path)): reason for path, reason in files_in([tmp_path])}
    assert found["a/1.jpg"] == found["a/to_b/2.jpg"] == ""
    assert "was read as" in found["a/up"] and "remove the link" in found["a/to_b/to_a"] and "was read as" in found["b"]
    assert "check its permissions and links" in found["self"]
    assert len(found) == 6


def test_what_is_no_file_has_its_reason(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "nowhere")
    found = dict(files_in([tmp_path, tmp_path / "missing.jpg"]))
    assert found[tmp_path / "pipe.jpg"] == "is no regular file: leave it out"
    assert found[tmp_path / "broken.jpg"] == found[tmp_path / "missing.jpg"] == "does not exist: check the name"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_closed_folder_has_its_reason(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    ((_, reason),) = files_in([tmp_path / "closed"])
    assert "cannot be opened (Permission denied)" in reason


def test_what_the_run_writes_is_left_out(tmp_path):
    touch(tmp_path / "1.jpg", tmp_path / "faces.csv", tmp_path / "videos/1.mp4")
    skip = [tmp_path / "faces.csv", tmp_path / "videos", tmp_path / "not_yet.png"]
    assert list(files_in([tmp_path], skip)) == [(tmp_path / "1.jpg", "")]


def test_a_name_of_any_bytes_is_listed(tmp_path):
    name = os.fsencode(tmp_path) + b"/\xff.jpg"
    os.close(os.open(name, os.O_CREAT))
    ((path, reason),) = files_in([tmp_path])
    assert os.fsencode(path) == name and not reason


# ---------------------------------------------------------------- pictures


@pytest.fixture
def halves():
    """A picture whose left half is red and whose right half is blue, 60 wide and 40 high."""
    picture = np.empty((40, 60, 3), np.uint8)
    picture[:, :30], picture[:, 30:] = RED, BLUE
    return picture


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.bmp", "a.gif", "a.ppm", "a.jp2", "a.avif"])
def test_common_formats_are_read_in_the_order_red_green_blue(tmp_path, halves, name):
    Image.fromarray(halves).save(tmp_path / name)
    picture = read_photo(tmp_path / name)
    assert picture.shape == (40, 60, 3) and picture.dtype == np.uint8
    for column, colour in ((10, RED), (50, BLUE)):
        np.testing.assert_allclose(picture[20, column].astype(int), colour, atol=12)


def test_an_open_file_is_read_as_one_of_a_name(halves):
    content = io.BytesIO()
    Image.fromarray(halves).save(content, "PNG")
    np.testing.assert_array_equal(read_photo(content), halves)
    with pytest.raises(PhotoError, match=r"me\.png is not a picture"):
        read_photo(io.BytesIO(b"no picture"), "me.png")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied(tmp_path, halves, orientation):
    halves[:10, :10] = 255  # top left, in the upright picture
    flat = {1: halves, 2: halves[:, ::-1], 3: halves[::-1, ::-1], 4: halves[::-1], 5: halves.transpose(1, 0, 2)}
    flat |= {6: np.rot90(halves), 7: np.rot90(halves, 2).transpose(1, 0, 2), 8: np.rot90(halves, -1)}
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(flat[orientation])).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(read_photo(tmp_path / "turned.png"), halves)


def test_sixteen_bits_and_floats_keep_their_brightness(tmp_path):
    grey = np.tile(np.linspace(0, 255, 64).round().astype(np.uint8), (8, 1))
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.tif")
    Image.fromarray((grey / 255).astype(np.float32)).save(tmp_path / "share.tif")
    Image.fromarray(grey.astype(np.float32)).save(tmp_path / "float.tif")
    for name in ("deep.png", "deep.tif", "share.tif", "float.tif"):
        np.testing.assert_array_equal(read_photo(tmp_path / name), np.stack([grey] * 3, axis=-1))


def test_a_dark_deep_picture_stays_dark(tmp_path):
    Image.fromarray(np.full((8, 8), 257 * 20, np.uint16)).save(tmp_path / "dark.png")
    assert (read_photo(tmp_path / "dark.png") == 20).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "LAB", "RGBA", "LA"])
def test_every_colour_mode_gives_three_channels_of_the_same_look(tmp_path, halves, mode):
    image = Image.fromarray(halves)
    image = image.convert("RGBA") if mode == "RGBA" else image.convert("L").convert(mode) if mode == "LA" else image
    if mode == "LAB":
        image = Image.fromarray(np.full((40, 60, 3), 128, np.uint8), "LAB")
    name = {"CMYK": "a.jpg", "YCbCr": "a.jpg"}.get(mode, "a.tif")
    image = image if mode == "LAB" else image.convert(mode)
    image.save(tmp_path / name)
    picture = read_photo(tmp_path / name)
    assert picture.shape == (40, 60, 3)
    if mode in ("P", "CMYK", "YCbCr", "RGBA"):
        np.testing.assert_allclose(picture[20, 10].astype(int), RED, atol=30)


def test_what_is_transparent_becomes_white(tmp_path, halves):
    see_through = np.dstack([halves, np.where(np.arange(60) < 30, 0, 255) * np.ones((40, 1))]).astype(np.uint8)
    Image.fromarray(see_through).save(tmp_path / "a.png")
    picture = read_photo(tmp_path / "a.png")
    assert (picture[:, :30] == 255).all() and (picture[:, 30:] == BLUE).all()


def test_of_an_animation_the_first_frame_is_read(tmp_path, halves):
    first, later = Image.fromarray(halves), Image.fromarray(np.zeros_like(halves))
    for name in ("a.gif", "a.webp", "a.png"):
        first.save(tmp_path / name, save_all=True, append_images=[later, later], lossless=True)
        assert read_photo(tmp_path / name).max() > 150


def test_a_file_that_is_no_readable_picture_is_named_with_a_remedy(tmp_path, halves):
    bomb(tmp_path / "bomb.png")
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (400, 400, 3), np.uint8)).save(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:5000])
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "empty.png").touch()
    for name, words in (
        ("bomb.png", "bomb.png has too many pixels: give it smaller"),
        ("cut.jpg", r"cut.jpg cannot be read \(.*truncated.*\): save it anew"),
        ("text.jpg", "text.jpg is not a picture: give AVIF, BMP"),
        ("empty.png", "empty.png is empty: copy it again"),
        ("missing.png", "missing.png is no file: check the name"),
        (".", "is no file"),
    ):
        with pytest.raises(PhotoError, match=words):
            read_photo(tmp_path / name)


def test_swapped_channels_give_the_same_grey(halves):
    noise = np.random.default_rng(1).integers(0, 256, (50, 70, 3), np.uint8)
    for picture in (halves, noise):
        difference = to_grey(picture).astype(int) - to_grey(picture[..., ::-1])
        assert np.abs(difference).max() <= 1


def test_grey_of_grey_is_itself_and_anything_else_is_refused():
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert to_grey(grey) is grey
    np.testing.assert_array_equal(to_grey(np.stack([grey] * 3, axis=-1)), grey)
    for wrong in (grey / 255, grey[None, None], np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4), np.uint8)):
        with pytest.raises(ValueError, match="cannot be read; give uint8"):
            to_grey(wrong)


# ---------------------------------------------------------------- detector


@pytest.fixture(scope="module")
def detector():
    return FaceDetector()


@pytest.fixture(scope="module")
def portrait():
    return to_grey(data.astronaut())


def placed(portrait, scale, degrees, to, size):
    """The portrait's face, scaled and turned, with its middle at `to` in a grey picture of `size`."""
    matrix = cv2.getRotationMatrix2D(FACE.tolist(), degrees, scale)
    matrix[:, 2] += np.array(to) - FACE
    return cv2.warpAffine(portrait, matrix, size, flags=cv2.INTER_AREA, borderValue=120)


def only_centre(boxes):
    assert boxes.shape == (1, 4)
    return (boxes[0, :2] + boxes[0, 2:]) / 2


def test_the_face_of_a_portrait_is_found_where_it_is(detector, portrait):
    boxes = detector(portrait)
    np.testing.assert_allclose(only_centre(boxes), FACE, atol=15)
    assert 60 < boxes[0, 2] - boxes[0, 0] < 130


def test_nothing_is_found_where_nothing_is(detector):
    for picture in (np.full((200, 300), 90, np.uint8), to_grey(data.coffee()), data.brick(), data.page()):
        assert detector(picture).shape == (0, 4)


@pytest.mark.parametrize("degrees", [-60, -30, 30, 60])
def test_a_turned_face_is_found(detector, portrait, degrees):
    boxes = detector(placed(portrait, 1, degrees, (160, 160), (320, 320)))
    np.testing.assert_allclose(only_centre(boxes), (160, 160), atol=20)


def test_a_face_of_24_px_is_found(detector, portrait):
    boxes = detector(placed(portrait, 24 / SIDE, 0, (230, 90), (320, 240)))
    np.testing.assert_allclose(only_centre(boxes), (230, 90), atol=6)


@pytest.mark.parametrize(("x", "y"), [(30, 160), (290, 160), (160, 290)])
def test_a_face_cut_by_the_border_is_found(detector, portrait, x, y):
    boxes = detector(placed(portrait, 1, 0, (x, y), (320, 320)))
    np.testing.assert_allclose(only_centre(boxes), (x, y), atol=35)


def test_boxes_of_a_large_picture_are_in_its_own_pixels(detector, portrait):
    large = cv2.resize(portrait, None, fx=4, fy=4)
    assert max(large.shape) > LONG_SIDE
    centre = only_centre(detector(large))
    np.testing.assert_allclose((centre + 0.5) / 4 - 0.5, only_centre(detector(portrait)), atol=4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 2), (7, 5)])
def test_a_strip_has_no_face(detector, shape):
    assert detector(np.zeros(shape, np.uint8)).shape == (0, 4)


# ---------------------------------------------------------------- squares


@pytest.fixture(scope="module")
def points():
    """Keypoints of upright synthetic faces, px of their 96x96 frame: (200, 15, 2)."""
    return draw_faces(200, seed=5)[1].astype(float)


def test_a_box_gives_a_square_that_lies_lower_and_grows_with_it():
    boxes = np.array([[10.0, 20, 50, 70], [20, 40, 100, 140]])
    small, large = squares_from_boxes(boxes)
    assert small[0] == 30 and small[1] > 45 and 40 < small[2] < 60
    np.testing.assert_allclose(large, 2 * small)


def test_keypoints_give_nearly_the_square_they_were_framed_by(points):
    squares = squares_from_points(points)
    assert np.abs(np.median(squares[:, :2], axis=0) - 47.5).max() < 8
    assert abs(np.median(squares[:, 2]) / 96 - 1) < 0.15


def test_a_square_moves_grows_and_turns_with_its_points(points):
    squares = squares_from_points(points)
    moved = squares_from_points(3 * points + [100, 50])
    np.testing.assert_allclose(moved, 3 * squares + [100, 50, 0])
    quarter = np.array([[0, 1], [-1, 0]])  # x, y -> -y, x
    turned = squares_from_points(points @ quarter)
    np.testing.assert_allclose(turned[:, :2], squares[:, :2] @ quarter, atol=1e-9)
    np.testing.assert_allclose(turned[:, 2], squares[:, 2])


def test_points_on_one_spot_give_a_square_of_a_pixel():
    np.testing.assert_array_equal(squares_from_points(np.full((1, 15, 2), 7.0)), [[7, 7, 1]])
