"""speechalign.text."""
