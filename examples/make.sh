#!/usr/bin/env bash
# Make the example corpus, english/, and the true times of its words and phones, gold/.
# Usage: examples/make.sh
# Needs flite and flac (Debian packages) and, on the path, a python with speechalign. flite's free
# voices slt and rms were built from the CMU ARCTIC recordings. flite prints when each phone of its
# speech ends; its sound follows in frames of 5 ms.
set -euo pipefail
cd "$(dirname "$0")"

# speak VOICE NAME TRANSCRIPT SPOKEN: the transcript is what a user would write; SPOKEN has its
# words as flite is to say them, with underscores inside what stands for one word.
speak() {
  local sound=english/$1/$2 counts='' word
  mkdir -p "english/$1" "gold/$1"
  for word in $4; do
    counts+=$(flite -voice "$1" -ps -t "${word//_/ }" -o none | tr ' ' '\n' | grep -vcE '^(pau)?$')' '
  done
  flite -voice "$1" -psdur -t "${4//_/ }" -o "$sound.wav" |
    python gold.py "$sound.wav" "$3" "$counts" "gold/$1/$2.TextGrid"
  flac --silent --best --no-padding --delete-input-file -f "$sound.wav"
  printf '%s\n' "$3" >"$sound.lab"
}

# shellcheck disable=SC2016
speak slt tea 'Two cups of tea cost $5.50, and the view is free.' \
  'Two cups of tea cost five_dollars_fifty_cents, and the view is free.'
speak slt harbour 'In 1995 the harbour froze; nobody had seen that before.' \
  'In nineteen_ninety_five the harbour froze. Nobody had seen that before.'
speak rms river 'A heron waits by the river, as patient as a stone.' \
  'A heron waits by the river, as patient as a stone.'
