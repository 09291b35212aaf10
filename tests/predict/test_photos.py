import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from src.predict.photos import PhotoError, read_photo, to_grey

RED, BLUE = (200, 30, 40), (10, 60, 220)


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


def bomb(path):
    """A PNG of 30,000 x 30,000 px in its header."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
        (b"IEND", b""),
    ]
    body = b"".join(struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


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
