#!/usr/bin/env bash
# Compare the word times of the model `matching` with a gold standard: those of the matching map, and
# those of the CTC layer of the encoder if it has one.
#     local/04_word_times.sh EXP/SEED CORPUS GOLD
set -euo pipefail
folder=$1 corpus=$2 gold=$3
. ./path.sh
times=map_times
if [ -f "$corpus" ]; then # a manifest, of the mini mode, whose encoder has CTC
  times="times map_times"
  "$python" -m speechalign align "$corpus" "$folder/matching/model" "$folder/times" --jobs 1
  "$python" local/04_map_times.py "$folder/matching/model" "$corpus" "$folder/map_times"
else
  "$python" -m speechalign align "$corpus" "$folder/matching/model" "$folder/map_times" --jobs 1
fi
for made in $times; do
  "$python" -m speechalign compare "$gold" "$folder/$made" >"$folder/$made.txt"
done
