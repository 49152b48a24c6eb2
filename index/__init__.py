"""The gallery: its vectors, its items, and how a version of it is published and searched."""
