"""Filters on metadata: parsed, as an algebra, answered from postings, and what can be filtered by.

All of it may be imported; stores answer `predicates` in their own module `filtering`.
"""
