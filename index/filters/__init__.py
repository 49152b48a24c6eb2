"""Filters on metadata: parsed, as an algebra, and what a catalogue can be filtered by."""
