"""Evaluation: how well an encoder searches by shape, as tables by part.

`suite` runs the parts, and `retrieval` the one that needs no photographs kept; all else is private.
"""
