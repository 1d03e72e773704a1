#!/usr/bin/env bash
# Write train.jsonl, dev.jsonl, test.jsonl and known.jsonl, and validate them.
#
#     local/01_make_manifests.sh english|librispeech|mini OUT CORPUS...
set -euo pipefail
cd "$(dirname "$0")/.."
. ./path.sh
kind=$1 out=$2 corpora=("${@:3}")

case $kind in
  english) "$python" -m recipes.steps.split_speakers "${corpora[@]}" "$out" ;;
  librispeech) "$python" -m recipes.corpora.librispeech prepare "${corpora[0]}" "$out" ;;
  mini)
    "$python" -m recipes.steps.split_speakers "${corpora[0]}" "$out" --test 0.12 --dev 0.06 --most 0.1
    # The exact times of the test set, which is what will be aligned.
    ids='import json, sys; [print(json.loads(line)["id"]) for line in open(sys.argv[1])]'
    rm -rf "$out/gold"
    "$python" -c "$ids" "$out/test.jsonl" | while read -r id; do
      mkdir -p "$out/gold/$(dirname "$id")"
      cp "${corpora[0]}/gold/$id.TextGrid" "$out/gold/$id.TextGrid"
    done
    ;;
esac
for split in train dev test known; do
  "$python" -m speechalign validate "$out/$split.jsonl" --json "$out/$split.validation.json" >"$out/$split.validation.txt"
done
