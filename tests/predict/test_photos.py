import io
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from fake_reader import bomb
from PIL import Image

from src.files import ROOT
from src.predict import photos
from src.predict.photos import (
    PhotoError,
    files_in,
    other_frames,
    read_photo,
    to_grey,
)

RED, BLUE = (200, 30, 40), (10, 60, 220)


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
    assert "check its permissions, links and drive" in found["self"]
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


def test_a_loop_of_any_name_is_said_on_one_line(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9\n")
    folder.mkdir()
    (folder / "up").symlink_to(folder)
    ((_, reason),) = files_in([folder])
    assert "caf\\xe9\\n: remove the link" in reason and reason.encode()


def test_an_empty_folder_says_so(tmp_path):
    (tmp_path / "empty" / "deep").mkdir(parents=True)
    assert list(files_in([tmp_path / "empty"])) == [(tmp_path / "empty", "holds no file to read: give another folder")]


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


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_fewer_bits_in_sixteen_are_as_bright(tmp_path, bits):
    grey = np.tile(np.linspace(0, 255, 64).round().astype(np.uint8), (8, 1))
    deep = (grey / 255 * (2**bits - 1)).round().astype(np.uint16)
    colour = np.stack([deep, deep[:, ::-1], deep // 2], axis=-1)  # red, green, blue
    Image.fromarray(deep).save(tmp_path / "a.png")
    cv2.imwrite(str(tmp_path / "b.png"), colour[..., ::-1])
    cv2.imwrite(str(tmp_path / "c.tif"), colour[..., ::-1])
    clear = np.where(np.arange(64) < 2, 0, 65535) * np.ones((8, 1))
    cv2.imwrite(str(tmp_path / "d.png"), np.dstack([colour[..., ::-1], clear]).astype(np.uint16))
    np.testing.assert_array_equal(read_photo(tmp_path / "a.png")[..., 0], grey)
    for name in ("b.png", "c.tif", "d.png"):
        picture = read_photo(tmp_path / name)[:, 2:].astype(int)
        seen = np.stack([grey, grey[:, ::-1], grey // 2], axis=-1)[:, 2:]
        assert np.abs(picture - seen).max() <= 1
    assert (read_photo(tmp_path / "d.png")[:, 0] == 255).all()


def test_white_may_be_zero_and_values_infinite_or_below_zero(tmp_path):
    grey = np.tile(np.linspace(0, 255, 64).round(), (8, 1))
    tifffile.imwrite(tmp_path / "white.tif", (65535 - grey * 257).astype(np.uint16), photometric="miniswhite")
    share = (grey / 255).astype(np.float32)
    tifffile.imwrite(tmp_path / "centred.tif", share * 2 - 1)
    share[0, :3] = np.inf, -np.inf, np.nan
    tifffile.imwrite(tmp_path / "infinite.tif", share)
    np.testing.assert_array_equal(read_photo(tmp_path / "white.tif")[..., 0], grey)
    np.testing.assert_allclose(read_photo(tmp_path / "centred.tif")[..., 0], grey, atol=1)
    picture = read_photo(tmp_path / "infinite.tif")[..., 0]
    assert picture[0, :3].tolist() == [255, 0, 0]
    np.testing.assert_array_equal(picture[1:], grey[1:])


def test_a_kind_of_picture_that_is_not_read_is_said(tmp_path, monkeypatch):
    colour = np.random.default_rng(0).random((8, 9, 3)).astype(np.float32)
    tifffile.imwrite(tmp_path / "float.tif", colour, photometric="rgb")
    tifffile.imwrite(tmp_path / "raw.dng", (colour * 255).astype(np.uint8), photometric="rgb", subfiletype=1)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    monkeypatch.setattr(photos, "pillow_heif", None)
    for name, words in (
        ("float.tif", "is a TIFF or raw photo of a kind that is not read, such as floating colour"),
        ("raw.dng", "it is a raw photo, of which only a small preview can be read"),
        ("a.heic", "is a HEIC picture: install pillow-heif"),
    ):
        with pytest.raises(PhotoError, match=words):
            read_photo(tmp_path / name)


def test_a_file_that_may_not_be_opened_is_not_called_damaged(tmp_path, monkeypatch):
    def closed(path, *mode):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", closed)
    with pytest.raises(PhotoError, match=r"me.jpg cannot be opened \(Permission denied\): check its permissions"):
        read_photo(tmp_path / "me.jpg")


def test_a_deep_picture_takes_less_than_five_times_its_size(tmp_path):
    deep = np.random.default_rng(0).integers(0, 65536, (2000, 3000)).astype(np.uint16)
    for compression in (None, "zlib"):
        tifffile.imwrite(tmp_path / "deep.tif", deep, compression=compression)
        program = (
            "import resource, sys; from src.predict.photos import read_photo\n"
            "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
            "before = used(); read_photo(sys.argv[1]); print((used() - before) / 12e6)"
        )
        run = [sys.executable, "-c", program, str(tmp_path / "deep.tif")]
        times = float(subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
        assert times < 5


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
        first.save(tmp_path / name, save_all=True, append_images=[later], lossless=True)
        assert read_photo(tmp_path / name).max() > 150
        assert other_frames(tmp_path / name).startswith("the first of 2 frames was read: save the others as")
    first.save(tmp_path / "b.tif", save_all=True, append_images=[later])
    assert other_frames(tmp_path / "b.tif").startswith("the first of 2 frames")


def test_a_single_picture_and_what_is_none_has_no_other_frames(tmp_path, halves):
    for name in ("a.gif", "a.png", "a.jpg"):
        Image.fromarray(halves).save(tmp_path / name)
        assert other_frames(tmp_path / name) == ""
    (tmp_path / "text.gif").write_text("no picture")
    assert other_frames(tmp_path / "text.gif") == ""


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
        ("missing.png", "missing.png does not exist: check the name"),
        (".", "is a folder: give the files in it"),
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
