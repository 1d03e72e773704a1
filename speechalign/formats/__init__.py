"""speechalign.formats."""
