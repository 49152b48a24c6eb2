"""What a garment, an edge map and an embedding are, and how the encoder is learned."""
