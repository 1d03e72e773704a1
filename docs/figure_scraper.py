"""Pictures of gallery examples that pyplot does not know."""

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst


def figures_of_results(_, block_vars, gallery_conf):
    """Save the variable ``figure`` of an example, where pyplot does not know it, as its picture."""
    figure = block_vars["example_globals"].pop("figure", None)
    if not isinstance(figure, Figure) or figure.canvas.manager is not None:
        return ""
    path = next(block_vars["image_path_iterator"])
    figure.savefig(path, dpi=100)
    return figure_rst([path], gallery_conf["src_dir"])
