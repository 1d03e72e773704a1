# shellcheck shell=bash
# Programs in local/ use modules of recipes/steps as well.
. ../utils/path.sh
export PYTHONPATH=$steps:$PYTHONPATH
