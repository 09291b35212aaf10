"""Training: recipes, augmentation, and one training from its recipe to its run record."""
