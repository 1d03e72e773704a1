"""Plots, as matplotlib figures."""

import os
from pathlib import Path

from speechalign.kernels.cache_folder import private_folder
from speechalign.viz.alignment_plot import plot_alignment
from speechalign.viz.articulation_plot import plot_articulation
from speechalign.viz.path_plot import plot_path

__all__ = ["plot_alignment", "plot_articulation", "plot_path"]


def _choose_settings_folder() -> None:
    """Give matplotlib a folder for its settings and list of fonts where it can write to none."""
    settings = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config", "matplotlib").expanduser()
    try:
        settings.mkdir(parents=True, exist_ok=True)
        usable = os.access(settings, os.W_OK)
    except OSError:
        usable = False
    if not usable:
        os.environ.setdefault("MPLCONFIGDIR", str(private_folder()[0] / "matplotlib"))


if "MPLCONFIGDIR" not in os.environ:
    _choose_settings_folder()
