import cv2
import pytest
from matplotlib.figure import Figure

from src.figures import save_figure


@pytest.mark.parametrize("name", ["Board.png", "Counts.jpg"])
def test_save_figure_writes_a_readable_file_and_no_part(tmp_path, name):
    figure = Figure(figsize=(3, 2))
    figure.subplots().plot([0, 1])
    folder = tmp_path / "new" / "figures"
    assert save_figure(figure, name, folder) == folder / name
    assert [path.name for path in folder.iterdir()] == [name]
    image = cv2.imread(str(folder / name))
    assert image.shape[1] > 300 and image.min() < 100 and image.max() == 255
