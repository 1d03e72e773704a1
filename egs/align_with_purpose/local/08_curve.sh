#!/usr/bin/env bash
# Fine-tune from an earlier and a later starting point, and with other weights, and decode dev.
#     local/08_curve.sh EXP "SEED ..."
set -euo pipefail
exp=$1 seeds=$2
. ./path.sh
store=$exp/states data=$exp/data weights="1 10"
mkdir -p "$exp/conf"
for weight in $weights; do
  sed "s/weight: 3,/weight: $weight,/" conf/min_wer.yaml >"$exp/conf/min_wer_$weight.yaml"
done
fit() { # SEED FOLDER SETTINGS ...
  "$python" -m recipes.steps.train_state_ctc "$store" "$data" "$exp/$1/$2" "${@:3}" --seed "$1"
}
for seed in $seeds; do
  model=$exp/$seed
  fit "$seed" . conf/early.yaml
  fit "$seed" . conf/late.yaml --init "$model/base/model"
  for start in early late; do
    fit "$seed" $start conf/continued.yaml conf/min_wer.yaml --init "$model/$start/model"
  done
  fit "$seed" base "$exp"/conf/min_wer_*.yaml --init "$model/base/model"
  runs=()
  for name in early/continued early/min_wer late/continued late/min_wer; do
    runs+=(--run "$model/$name")
  done
  for weight in $weights; do runs+=(--run "$model/base/min_wer_$weight"); done
  "$python" -m recipes.steps.decode_states "$store" "$data/train_part.jsonl" --samples 16 \
    --run "$model/early" --run "$model/late"
  "$python" -m recipes.steps.decode_states "$store" "$data/dev.jsonl" "${runs[@]}"
done
