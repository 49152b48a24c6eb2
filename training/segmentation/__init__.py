"""Training of the segmenter, which separates garments from the background: labels, scenes and network.

Import `learn` from `learn`; the other modules are private to this folder.
"""
