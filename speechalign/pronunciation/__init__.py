"""What may be said for a transcript: words, their pronunciations, and labels of CTC models."""
