"""speechalign.viz."""
