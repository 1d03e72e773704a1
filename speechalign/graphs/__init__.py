"""speechalign.graphs."""
