"""Search by a part of a garment: what is kept of each garment, and where a part is found in it."""
