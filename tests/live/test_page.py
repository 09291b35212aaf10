"""The page as a visitor has it: voila, a browser, its (fake) camera."""

import shutil
import socket
import subprocess
import sys

import cv2
import nbformat
import pandas as pd
import pytest
from fake_reader import picture

from src.files import ROOT

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
playwright = pytest.importorskip("playwright.sync_api", reason="playwright, which drives the browser, is not installed")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="Chromium, which shows the page, is not installed")

CELL = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from live.looking_reader import LookingReader
from src.live import PhotoBooth
PhotoBooth(Path({folder!r}), Path({folder!r}), LookingReader())
"""

WATCH_CARDS = """() => {
    window.places = new Set();
    const look = () => {
        const card = document.querySelector("[name=cards] button:nth-child(2)");
        if (card) places.add(`${card.offsetTop}, ${card.offsetHeight}`);
        requestAnimationFrame(look);
    };
    look();
}"""


@pytest.fixture
def address(tmp_path):
    """Of a voila server that shows a booth."""
    cell = nbformat.v4.new_code_cell(CELL.format(tests=str(ROOT / "tests"), folder=str(tmp_path / "saved")))
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "page.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "voila", tmp_path / "page.ipynb", "--no-browser", f"--port={port}"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in server.stderr:
        if "http://localhost" in line:
            break
    yield f"http://localhost:{port}"
    server.terminate()
    server.communicate()


@pytest.fixture
def page(address, tmp_path):
    """The page in a browser, whose camera sees one face."""
    jpeg = cv2.imencode(".jpg", picture((320, 240, 160, 200), size=(640, 480)))[1].tobytes()
    (tmp_path / "seen.mjpeg").write_bytes(jpeg)
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    fake.append(f"--use-file-for-fake-video-capture={tmp_path / 'seen.mjpeg'}")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=fake + quiet)
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.set_default_timeout(30_000)
        playwright.expect.set_options(timeout=30_000)
        page.goto(address)
        yield page
        browser.close()


def test_a_visit(page, tmp_path):
    expect, booth = playwright.expect, page.locator(".booth")
    title, notes, cards = (booth.locator(it) for it in ("[name=title]", "[name=notes] p", "[name=cards] button"))

    # Files: one that is too large, a text, a photo of two faces.
    cv2.imwrite(str(tmp_path / "two.png"), picture((40, 60, 40, 110), (120, 60, 30, 230)))
    (tmp_path / "notes.jpg").write_text("just a text")
    with (tmp_path / "huge.jpg").open("wb") as huge:
        huge.truncate(2**28 + 1)
    page.evaluate(WATCH_CARDS)
    booth.locator("[name=files]").set_input_files([tmp_path / it for it in ("huge.jpg", "notes.jpg", "two.png")])
    expect(cards).to_have_count(2)
    expect(notes).to_contain_text(["huge.jpg has more than 256 MB", "notes.jpg is not a picture: give"])
    expect(booth.locator("[name=stage] rect")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    # What can be clicked stays where it is, also when the kernel has answered and the pictures are there.
    expect(booth.locator("[name=views] circle")).to_have_count(15)
    expect(booth.locator("[name=busy]")).to_be_hidden()
    assert len(page.evaluate("[...places]")) == 1

    # One face, and a slider.
    cards.nth(1).click()
    expect(title).to_have_text("1: surprise 80%")
    booth.locator("[name=dark]").fill("0.5")
    expect(title).to_have_text("1: anger 80%")
    expect(booth.locator("[name=views] circle")).to_have_count(15)
    booth.locator("[name=rest]").click()
    expect(title).to_have_text("1: surprise 80%")

    # The table, in its folder and as a download.
    with page.expect_download() as download:
        booth.locator("[name=save]").click()
    assert download.value.suggested_filename == "faces.csv"
    expect(notes.last).to_contain_text("Saved as")
    assert pd.read_csv(tmp_path / "saved/faces.csv")["emotion"].dropna().tolist() == ["anger", "surprise"]

    # The camera: live, then a photo; then refused, then missing.
    booth.locator("[name=camera]").click()
    expect(booth.locator("video + svg text")).to_contain_text("happiness 80%")
    expect(title).to_contain_text("happiness 80%")
    booth.locator("[name=shoot]").click()
    expect(cards).to_have_count(3)
    expect(booth.locator("video")).to_be_hidden()
    for name, words in (("NotAllowedError", "The camera was refused"), ("NotFoundError", "There is no camera")):
        refusal = f"Promise.reject(new DOMException('', '{name}'))"
        page.evaluate(f"() => {{ navigator.mediaDevices.getUserMedia = () => {refusal}; }}")
        booth.locator("[name=camera]").click()
        expect(notes.last).to_contain_text(words)
