#!/usr/bin/env bash
# Say which corpus to use: its kind and its folder, on one line.
#
#     local/00_choose_corpus.sh MINI CORPUS_DIR
#
# "librispeech DIR", "manifests DIR" (manifest.jsonl below), "download" or "generated".
set -euo pipefail
mini=$1
corpus_dir=$2
at_hand=../../../shared/data/speech/english

has_manifest() {
  [ -n "$(find -L "$1" -maxdepth 2 -name manifest.jsonl -print -quit 2>/dev/null)" ]
}

if [ "$mini" = true ]; then
  echo generated
elif [ -n "$corpus_dir" ]; then
  for folder in "$corpus_dir" "$corpus_dir/LibriSpeech"; do
    if [ -n "$(find -L "$folder" -maxdepth 1 -name 'train-*' -print -quit 2>/dev/null)" ]; then
      echo "librispeech $folder"
      exit
    fi
  done
  if has_manifest "$corpus_dir"; then
    echo "manifests $corpus_dir"
    exit
  fi
  echo "$corpus_dir: expected LibriSpeech's train-*, or a manifest.jsonl; found neither" >&2
  exit 2
elif curl --silent --fail --head --max-time 5 https://www.openslr.org/31/ >/dev/null 2>&1; then
  echo download
else
  echo "no network to download LibriSpeech: running the mini corpus" >&2
  if has_manifest "$at_hand"; then
    echo "it is half an hour of the real speech in $at_hand" >&2
    echo "manifests $(cd "$at_hand" && pwd) 1800"
  else
    echo "it is generated speech" >&2
    echo generated
  fi
fi
