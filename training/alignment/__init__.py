"""Where a shape lies in another picture, and how two garments lie best over each other; never TensorFlow."""
