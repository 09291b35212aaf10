"""Models: residual unit -> stage -> network, ours and the original's, with the layers and losses that Keras lacks."""
