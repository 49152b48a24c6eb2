"""The autoencoder: edge maps, augmentation, the last layer, and the bundle that is exported.

Import from any module but `edges`, which is private to this folder; all but `weights` load Keras.
"""
