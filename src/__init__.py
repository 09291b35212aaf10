"""Facial keypoints and emotions: the code that the notebooks share."""
