#!/usr/bin/env bash
# SAER and TW-SAER of links, with confidence intervals.
#
#     local/05_score.sh EXP TIMES NAME...
set -euo pipefail
. ./path.sh
exp=$1 times=$2
mkdir -p "$exp/scores"
for name in "${@:3}"; do
  for metric in saer tw-saer; do
    echo "$name:"
    "$python" -m speechalign score "$metric" --gold "$exp/corpus/gold.talp" --gold-base 1 \
      --hyp "$exp/links/$name.talp" --hyp-base 1 --source-times "$times" \
      --text "$exp/corpus/sentences.txt" --bootstrap 1000 --json "$exp/scores/$name.$metric.json"
  done
done
