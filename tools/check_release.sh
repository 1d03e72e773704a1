#!/usr/bin/env bash
# Build the sdist and the wheel, and install the wheel in clean environments of each Python.
#
# Usage: tools/check_release.sh WORK_DIR
#
# Prints the size of the wheel, which may be 40 MB at most. In each environment the package aligns
# the examples. Pythons are python3.10 to python3.13 of PATH, or pyenv's; one that is missing is
# named, and at least two must be there. The wheel also runs by pipx, and the first environment is
# made from the sdist. Takes about two minutes.
set -euo pipefail

[ $# -eq 1 ] || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
work=$1
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$work"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

python3 -m venv "$work/build"
"$work/build/bin/pip" install -q build pipx
git -C "$root" ls-files -z | (cd "$root" && xargs -0 cp --parents -t "$(mkdir -p "$work/tree" && cd "$work/tree" && pwd)")
"$work/build/bin/python" -m build -q --outdir "$work/dist" "$work/tree"
wheel=$(ls "$work"/dist/*.whl)
sdist=$(ls "$work"/dist/*.tar.gz)
size=$(stat -c %s "$wheel")
printf 'wheel: %s, %.1f MB\n' "$(basename "$wheel")" "$(echo "$size / 1000000" | bc -l)"
[ "$size" -le 40000000 ] || { echo "the wheel is larger than 40 MB" >&2; exit 1; }

find_python() { # VERSION: print the path of a Python that runs, if there is one
  local candidate
  for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
    if "$candidate" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
}

found=0
for version in 3.10 3.11 3.12 3.13; do
  python=$(find_python "$version")
  if [ -z "$python" ]; then
    echo "WARNING: no Python $version here: not tried" >&2
    continue
  fi
  source=$wheel
  [ "$found" -gt 0 ] || source=$sdist
  found=$((found + 1))
  "$python" -m venv "$work/$version"
  "$work/$version/bin/pip" install -q "$source"
  (cd "$work" && "$work/$version/bin/speechalign" align "$root/examples/english" "aligned-$version" -j 1 --quiet)
  [ "$(grep -c '"status": "aligned"' "$work/aligned-$version/alignment_manifest.jsonl")" -eq 3 ]
  echo "Python $version: $(basename "$source") installed, 3 of 3 aligned"
done
[ "$found" -ge 2 ] || { echo "found $found of the Pythons 3.10 to 3.13; install pyenv's" >&2; exit 1; }
PIPX_HOME=$work/pipx "$work/build/bin/pipx" run --spec "$wheel" speechalign --version
