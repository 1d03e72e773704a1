#!/usr/bin/env bash
# Write train.jsonl, dev.jsonl, test.jsonl and known.jsonl, and validate them.
#
#     local/01_make_manifests.sh KIND SOURCE OUT [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
. ./path.sh
kind=$1 source=$2 out=$3 seconds=${4-}

case $kind in
  generated)
    "$python" -m recipes.steps.split_speakers "$source" "$out" --test 0.12 --dev 0.06 --most 0.1
    # The exact times of the test set, which is what will be aligned.
    ids='import json, sys; [print(json.loads(line)["id"]) for line in open(sys.argv[1])]'
    rm -rf "$out/gold"
    "$python" -c "$ids" "$out/test.jsonl" | while read -r id; do
      mkdir -p "$out/gold/$(dirname "$id")"
      cp "$source/gold/$id.TextGrid" "$out/gold/$id.TextGrid"
    done
    ;;
  manifests)
    "$python" -m recipes.steps.split_speakers "$source" "$out" ${seconds:+--seconds "$seconds"}
    ;;
  download | librispeech) "$python" -m recipes.corpora.librispeech prepare "$source" "$out" ;;
esac
for split in train dev test known; do
  "$python" -m speechalign validate "$out/$split.jsonl" --json "$out/$split.validation.json" >"$out/$split.validation.txt"
done
