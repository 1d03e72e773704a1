"""Pronunciations: words, their phones, and labels of CTC models."""
