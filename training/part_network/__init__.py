"""Training of the network that gives part maps their features: edges in, `features.tflite` out."""
