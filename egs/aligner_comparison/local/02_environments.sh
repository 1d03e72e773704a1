#!/usr/bin/env bash
# Install each rival in an environment of its own; where that fails, keep the reason.
# Usage: local/02_environments.sh EXP NAME ...
set -euo pipefail
folder=$1/environments
mkdir -p "$folder"
for name in "${@:2}"; do
  reason=$folder/$name.txt
  if "${PYTHON:-python3}" ../../tools/rivals/environment.py install "$name" "$folder" 2>"$reason"; then
    rm -f "$reason"
  else
    cat "$reason" >&2
  fi
done
