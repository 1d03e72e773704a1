"""speechalign.metrics."""
