"""Catalogues: items with their photographs, read from files, folders, Fashion-MNIST or drawings.

Import from any module but `pictures`, which is private to this folder.
"""
