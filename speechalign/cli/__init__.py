"""speechalign.cli."""
