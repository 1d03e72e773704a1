"""Text files of any kind: decoded with care, and written whole or not at all."""
