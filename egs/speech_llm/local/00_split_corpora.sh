#!/usr/bin/env bash
# Split read English by speaker and sentence, and make the tests.
#     local/00_split_corpora.sh DATA SPEECH_DIR "PART ..." TIMIT_CORPUS
set -euo pipefail
data=$1 speech_dir=$2 parts=$3 timit=$4
. ./path.sh
manifests=()
for part in $parts; do manifests+=("$speech_dir/$part/manifest.jsonl"); done
need "${manifests[@]}" "$timit"
"$python" ../english_gmm/local/00_join_manifests.py "$data/joined.jsonl" "${manifests[@]}"
"$python" -m recipes.steps.split_speakers "$data/joined.jsonl" "$data/split" --known 0 --test 0.09 \
  --dev 0.04 --share 0.35 --test-speaker cmu_arctic/slt --test-speaker cmu_arctic/bdl
"$python" local/00_shifted.py "$data/split" "$data/nonspeech/train/manifest.jsonl" \
  "$data/nonspeech.jsonl" "$timit" "$data"
