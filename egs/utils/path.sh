# shellcheck shell=bash disable=SC2034
# Where the programs and the corpora are. PYTHON chooses the interpreter, SPEECHALIGN_DATA the folder
# of the corpora (data/ of the repository; egs/README.md says what goes there).
repository=$(cd ../.. && pwd)
python=${PYTHON:-python3}
export PYTHONPATH=$repository${PYTHONPATH:+:$PYTHONPATH}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1}
SPEECHALIGN_DATA=$(cd "${called_from:-.}" && realpath -m "${SPEECHALIGN_DATA:-$repository/data}")
export SPEECHALIGN_DATA

# need PATH ...: end where a corpus is missing.
need() {
  for needed in "$@"; do
    [ -e "$needed" ] && continue
    echo "run.sh: $needed: missing; egs/README.md says where to get it, --help how to name another place" >&2
    exit 2
  done
}
