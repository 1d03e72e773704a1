"""Settings of the site: ``sphinx-build -W docs site`` builds it, ``-t online`` links to others."""

import os
import re
import sys
from pathlib import Path

docs = Path(__file__).parent
root = docs.parent
sys.path[:0] = [str(root), str(docs)]
# Examples and notebooks import this checkout, too.
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
)

import speechalign  # noqa: E402

project = "speechalign"
author = "The speechalign authors"
copyright = "2026, " + author
release = version = speechalign.__version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_click",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["templates"]
exclude_patterns = ["gallery/README.txt", "**/.ipynb_checkpoints", "generated/gallery/*.ipynb"]
suppress_warnings = ["config.cache"]

if tags.has("online"):  # noqa: F821
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "torch": ("https://docs.pytorch.org/docs/stable", None),
    }

# Pages
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_output_stderr = "remove"
copybutton_exclude = ".linenos, .gp, .go"

# The Python interface
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False

# Gallery
sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "generated/gallery",
    "filename_pattern": "/plot_",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "abort_on_example_error": True,
    "run_stale_examples": False,
    "plot_gallery": "True",
    "capture_repr": ("_repr_html_",),
    "image_scrapers": ("matplotlib", "figure_scraper.figures_of_results"),
}

# Pages in HTML
html_theme = "pydata_sphinx_theme"
html_title = "speechalign"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "friendly",
}

# Files of the repository that are pages of the site as well; an experiment is one page.
generated = docs / "generated"
PAGES = {"changelog": ["CHANGELOG.md"], "contributing": ["CONTRIBUTING.md"]}
PAGES["experiments/index"] = ["egs/README.md"]
for folder in sorted(path.parent for path in root.glob("egs/*/run.sh")):
    files = [folder / name for name in ("README.md", "RESULTS.md", "TUNING.md")]
    PAGES[f"experiments/{folder.name}"] = [
        str(file.relative_to(root)) for file in files if file.exists()
    ]
_PAGE_OF = {root / file: generated / page for page, files in PAGES.items() for file in files}
_LINK = re.compile(r"(!?)\[([^\]\n]+)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)]*)?\)")


def _site_links(text, source, page):
    """Return the text with links that work on its page: other files are named, not linked."""

    def replace(match):
        image, label, path, anchor = match[1], match[2], match[3], match[4] or ""
        target = (source.parent / path).resolve()
        if target.parent == root / "egs" and target.is_dir():
            target = target / "README.md"
        if target in _PAGE_OF:
            target = _PAGE_OF[target].with_suffix(".md")
        elif docs not in target.parents:
            return f"`{label}`" if "`" not in label and "/" in label else label
        return f"{image}[{label}]({os.path.relpath(target, page.parent)}{anchor})"

    return _LINK.sub(replace, text)


def _write_pages(*_):
    """Write the pages that are made of files outside of this folder."""
    for page, files in PAGES.items():
        path = (generated / page).with_suffix(".md")
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "\n".join(
            _site_links((root / file).read_text("utf-8"), root / file, path) for file in files
        )
        if page == "experiments/index":
            names = [name.split("/")[1] for name in PAGES if name.startswith("experiments/")]
            rest = "\n".join(name for name in names if name != "index")
            text += f"\n```{{toctree}}\n:hidden:\n\n{rest}\n```\n"
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


def _resolve_links(_, docname, source):
    page = docs / f"{docname}.md"
    if page.exists() and generated not in page.parents:
        source[0] = _site_links(source[0], page, page)


def _literal_backticks(_app, _context, lines):
    """Show names in the help of commands as code."""
    lines[:] = [re.sub(r"`([^`]+)`", r"``\1``", line) for line in lines]


def setup(app):
    """Connect what this file adds to Sphinx."""
    for event in ("description", "options", "epilog", "arguments"):
        app.connect(f"sphinx-click-process-{event}", _literal_backticks)
    app.connect("builder-inited", _write_pages)
    app.connect("source-read", _resolve_links)
