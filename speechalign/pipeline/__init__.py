"""Align a corpus: one job per recording, the output files, and the manifest."""
