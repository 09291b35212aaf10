"""Evaluation: score card on the test split, stress, saliency, and what the original's shortcuts would have shown."""
