import pytest
from matplotlib import pyplot as plt


@pytest.fixture
def closed_figures():
    """Figures are drawn without a screen and closed behind each test."""
    plt.switch_backend("Agg")
    yield
    plt.close("all")
