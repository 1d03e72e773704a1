#!/usr/bin/env bash
# Build the environment that the tests of the k2 backend run in.
#
# Usage: tools/k2_env.sh TARGET_DIR
#
# The only k2 for Linux on PyPI is a CPython 3.9 build for torch 1.13.1, while speechalign itself
# wants 3.10: so the package is not installed there, but found by its path:
#
#   PYTHONPATH=$PWD TARGET_DIR/bin/python -m pytest tests/k2 -p no:cacheprovider
#
# Takes 4 GB of disk and about two minutes. CPython 3.9 is $PYTHON39 if that is set, else python3.9, else pyenv's.
set -euo pipefail

[ $# -eq 1 ] || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
target=$1

is_39() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 9))' 2>/dev/null; }

if [ -n "${PYTHON39:-}" ]; then
  candidates=("$PYTHON39")
else
  candidates=(python3.9 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.9*/bin/python)
fi
python=
for candidate in "${candidates[@]}"; do
  if is_39 "$candidate"; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ]; then
  echo "k2_env.sh: expected CPython 3.9, found none that runs among: ${candidates[*]};" \
    "install it (pyenv install 3.9) or set PYTHON39 to one" >&2
  exit 1
fi

"$python" -m venv "$target"
"$target/bin/python" -m pip install --quiet --disable-pip-version-check \
  k2==1.23.4 torch==1.13.1 numpy==1.26.4 numba==0.60.0 pytest==8.4.2 hypothesis==6.141.1
"$target/bin/python" -c 'import k2, torch; print("k2 works with torch", torch.__version__)'
