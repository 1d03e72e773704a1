# shellcheck shell=bash disable=SC2034
# Where the programs are. PYTHON chooses the interpreter.
repository=$(cd ../.. && pwd)
python=${PYTHON:-python3}
export PYTHONPATH=$repository${PYTHONPATH:+:$PYTHONPATH}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1}
