#!/usr/bin/env bash
# Heat maps of the first ten sentences, and a page that shows them.
#
#     local/07_plot.sh EXP TIMES
set -euo pipefail
. ./path.sh
exp=$1 times=$2
few=$exp/few
mkdir -p "$few/maps"
for number in 00{0..9}; do
  map=$exp/contributions/attention/$number.npy
  [ ! -e "$map" ] || cp "$map" "$few/maps"
done
head -n 10 "$exp/corpus/sentences.txt" >"$few/sentences.txt"
head -n 10 "$exp/contributions/tokens.txt" >"$few/tokens.txt"
"$python" -m speechalign st-align "$few/maps" --output "$few/links.talp" --source-times "$times" \
  --source-frame 0.04 --text "$few/sentences.txt" --target-tokens "$few/tokens.txt" \
  --subwords sentencepiece --plot "$exp/plots"
rm -r "$few"
