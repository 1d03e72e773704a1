"""Speech encoders in front of a language model."""
