#!/usr/bin/env bash
# Score a model: boundaries against GOLD, latency, and differences from its baseline.
#
#     local/08_score.sh EXP GOLD MODEL
set -euo pipefail
cd "$(dirname "$0")/.."
. ./path.sh
exp=$1 gold=$2 model=$3

case ${model##*/} in
  low_latency) baseline=${model%/*}/continued ;;
  min_wer | label_priors) baseline=${model%/*}/offline_continued ;;
  *) baseline= ;;
esac
"$python" -m speechalign compare "$gold" "$model/gold" --json "$model/boundaries.json" \
  >"$model/boundaries.txt"
for split in dev known test; do
  "$python" -m recipes.steps.score_ctc "$exp/data/$split.jsonl" "$exp/reference/$split" "$model/$split.json" \
    "$model/$split.score.json" ${baseline:+--baseline "$baseline/$split.json"}
done
