# shellcheck shell=bash
. ../utils/path.sh
