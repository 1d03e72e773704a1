"""Align one utterance: one file per kind of acoustic model, and what their results share."""
