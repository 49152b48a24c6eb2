"""Catalogues: items with their photographs, read from files, folders, Fashion-MNIST or drawings."""
