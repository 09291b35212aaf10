"""Metrics: scores and calibration, NumPy in, numbers out."""
