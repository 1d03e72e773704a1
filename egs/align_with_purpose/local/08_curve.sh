#!/usr/bin/env bash
# Fine-tune with other weights, and from an earlier starting point, and decode dev.
#     local/08_curve.sh EXP "SEED ..."
set -euo pipefail
exp=$1 seeds=$2
. ./path.sh
store=$exp/states data=$exp/data
mkdir -p "$exp/conf"
vary() { # LOSS WEIGHT ...: settings with other weights
  local weight
  for weight in "${@:2}"; do
    sed "s/{weight: [0-9.]*,/{weight: $weight,/" "conf/$1.yaml" >"$exp/conf/$1_$weight.yaml"
  done
}
fit() { # OUT SETTINGS ...
  "$python" -m recipes.steps.train_state_ctc "$store" "$data" "$exp/$1" "${@:2}"
}
vary min_wer 10 30 100
vary mwer 0.05 0.2
vary low_latency 0.1 0.3
fit . conf/early.yaml --seed 1
"$python" -m recipes.steps.decode_states "$store" "$data/train_part.jsonl" --samples 16 \
  --run "$exp/early"
for seed in $seeds; do
  fit "$seed/curve" "$exp"/conf/*.yaml --init "$exp/base/model" --seed "$seed"
  fit "$seed/early" conf/continued.yaml conf/min_wer.yaml --init "$exp/early/model" --seed "$seed"
  runs=()
  for folder in "$exp/$seed"/{curve,early}/*/; do runs+=(--run "$folder"); done
  "$python" -m recipes.steps.decode_states "$store" "$data/dev.jsonl" "${runs[@]}"
done
