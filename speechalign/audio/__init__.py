"""Sound files: read them, check that they are whole, and cut recordings into batches."""
