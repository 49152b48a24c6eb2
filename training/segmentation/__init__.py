"""How the garment is told from its ground: labels, training scenes, the network and its training."""
