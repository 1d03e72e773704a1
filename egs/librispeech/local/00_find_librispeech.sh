#!/usr/bin/env bash
# Succeed where LibriSpeech is at hand or can be downloaded: 00_find_librispeech.sh [FOLDER]
set -euo pipefail
[ -n "${1:-}" ] || [ -d exp/librispeech/data/download ] ||
  curl --silent --fail --head --location --max-time 20 --output /dev/null https://www.openslr.org/31/
