"""Plots, as matplotlib figures."""

from speechalign.viz.alignment_plot import plot_alignment

__all__ = ["plot_alignment"]
