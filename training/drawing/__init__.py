"""Drawing of garments from the parameters of a shape and of an appearance, laid out or worn.

Import from `shape`, `appearance`, `background`, `fabric`, `studio` and `worn`; the other modules, which cut
the patterns and draw who wears them, are private to this folder.
"""
