"""Figures to judge an encoder by: NumPy arrays in, a Matplotlib `Figure` out, no global state.

Import from `garment_sheet`, `result_sheet`, `layers` and `history`, and `save` from `sheet`.
"""
