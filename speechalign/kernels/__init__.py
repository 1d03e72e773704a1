"""speechalign.kernels."""
