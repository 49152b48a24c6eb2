"""How a garment is drawn from parameters of its shape and of its appearance."""
