"""Facial keypoints and emotions: the code that the notebooks share. Each room imports only rooms that come before it:

labels, files, faces -> data -> models -> metrics -> figures -> predict -> training -> evaluation -> study -> live
"""

import os

# TensorFlow reports every missing GPU library on import; errors still reach Python as exceptions.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow takes Intel's oneDNN by itself only on newer server processors. A laptop's trains twice as fast with it
# (weights/EXPERIMENTS.md). TensorFlow asks when it is loaded: import src before Keras.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# One operation at a time, each on all cores: side by side, some gradients of the baseline differ from run to run in
# their last bits even under TensorFlow's op determinism; one after the other they repeat, and take no longer.
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
