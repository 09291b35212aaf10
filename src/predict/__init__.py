"""Prediction: a photo, folder, video or array of faces in, a table out; what runs the networks, and their exports."""


def __getattr__(name: str):
    """`from src.predict import FaceReader` loads it, and pandas with it, only when asked: see __main__.py."""
    if name != "FaceReader":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from src.predict.reader import FaceReader

    return FaceReader
