"""speechalign.models."""
