"""The autoencoder: its layers, its augmentation, its last layer, and the bundle that is exported from it."""
