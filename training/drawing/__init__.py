"""Drawing of garments from the parameters of a shape and of an appearance.

Import from `shape`, `appearance`, `background`, `fabric` and `studio`; the other modules, which cut the
patterns, are private to this folder.
"""
