#!/usr/bin/env bash
# Score models in EXP: boundaries against GOLD, latency, and differences from a baseline.
#
#     local/08_score.sh EXP GOLD NAME...
set -euo pipefail
cd "$(dirname "$0")/.."
. ./path.sh
exp=$1 gold=$2

for name in "${@:3}"; do
  case $name in
    low_latency) baseline=(--baseline "$exp/continued/test.json") ;;
    min_wer | label_priors) baseline=(--baseline "$exp/offline_continued/test.json") ;;
    *) baseline=() ;;
  esac
  "$python" -m speechalign compare "$gold" "$exp/$name/gold" --json "$exp/$name/boundaries.json" \
    >"$exp/$name/boundaries.txt"
  "$python" "$steps/score_ctc.py" "$exp/data/test.jsonl" "$exp/reference/test" "$exp/$name/test.json" \
    "$exp/$name/score.json" "${baseline[@]}"
done
