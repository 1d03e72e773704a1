#!/usr/bin/env bash
# Links out of one kind of contribution.
#
#     local/04_link.sh EXP KIND TIMES NAME
set -euo pipefail
. ./path.sh
exp=$1 kind=$2 times=$3 name=$4
mkdir -p "$exp/links"
"$python" -m speechalign st-align "$exp/contributions/$kind" --output "$exp/links/$name.talp" \
  --source-times "$times" --source-frame 0.04 --text "$exp/corpus/sentences.txt" \
  --target-tokens "$exp/contributions/tokens.txt" --subwords sentencepiece
