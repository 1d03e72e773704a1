#!/usr/bin/env bash
# Make the example corpus with the speech synthesiser flite and flac (Debian packages) and its free
# voices slt and rms, which were built from the CMU ARCTIC recordings. Usage: examples/make.sh
set -euo pipefail
cd "$(dirname "$0")/english"

# speak VOICE NAME TRANSCRIPT SPOKEN: the transcript is what a user would write
speak() {
  flite -voice "$1" -t "$4" -o "$1/$2.wav"
  flac --silent --best --delete-input-file -f "$1/$2.wav"
  printf '%s\n' "$3" >"$1/$2.lab"
}

# shellcheck disable=SC2016
speak slt tea 'Two cups of tea cost $5.50, and the view is free.' \
  'Two cups of tea cost five dollars fifty cents, and the view is free.'
speak slt harbour 'In 1995 the harbour froze; nobody had seen that before.' \
  'In nineteen ninety five the harbour froze. Nobody had seen that before.'
speak rms river 'A heron waits by the river, as patient as a stone.' \
  'A heron waits by the river, as patient as a stone.'
