"""Prediction: a photo, folder, video or array of faces in, a table out; what runs the networks, and their exports."""

from src.predict.reader import FaceReader as FaceReader
