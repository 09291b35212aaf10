"""Facial keypoints and emotions: the code that the notebooks share."""

import os

# TensorFlow reports every missing GPU library on import; errors still reach Python as exceptions.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
