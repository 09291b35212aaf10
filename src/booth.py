"""The photo booth of notebook 05: an upload button, a camera button, and the board redrawn at once."""

import io
from contextlib import closing

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

from src.boards import Board
from src.photos import PhotoError, decode_photo
from src.predict import FaceReader
from src.video import Video

WARM_UP = 10  # frames that a camera needs to set its exposure


def board_of(photo: np.ndarray, table: pd.DataFrame):
    """The figure of one photo, uint8 (h, w, 3), and its faces as `FaceReader.read_photo` gives them."""
    board = Board()
    board.add(photo, table)
    return board.draw(plt.figure())


def photo_booth(reader: FaceReader, camera: int = 0) -> ipywidgets.VBox:
    """Two buttons and the place where the board appears. The camera is that of the computer that runs the notebook."""
    upload = ipywidgets.FileUpload(accept="image/*", multiple=False, description="Upload a photo")
    take = ipywidgets.Button(description="Camera", icon="camera")
    shown = ipywidgets.Output()

    def show(read) -> None:
        shown.clear_output(wait=True)
        with shown:
            try:
                photo = read()
                figure = board_of(photo, reader.read_photo(photo))
                display(figure)
                plt.close(figure)
            except PhotoError as error:
                print(error)

    def uploaded(change) -> None:
        for file in change["new"]:
            show(lambda file=file: decode_photo(io.BytesIO(file["content"]), file["name"]))

    upload.observe(uploaded, "value")
    take.on_click(lambda _: show(lambda: camera_photo(camera)))
    return ipywidgets.VBox([ipywidgets.HBox([upload, take]), shown])


def camera_photo(camera: int) -> np.ndarray:
    """One picture of a camera, uint8 (h, w, 3). PhotoError where there is none."""
    with closing(Video(camera)) as video:
        pictures = [picture for _, (_, picture) in zip(range(WARM_UP), video, strict=False)]
    if not pictures:
        raise PhotoError(f"Camera {camera} gives no picture: close the programs that use it")
    return pictures[-1]
