#!/usr/bin/env bash
# Install Debian's Chromium, the browser that the tests of pages run in (tests/browser.py).
#
# Usage: tools/chromium.sh       (as root, or where sudo asks for no password)
#
# Playwright's own build comes from a server beside the package registries; Debian's does not.
set -euo pipefail

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! sudo -n true 2>/dev/null; then
    echo "chromium.sh: expected root or sudo without a password, found neither;" \
      "have 'apt-get install chromium' run" >&2
    exit 1
  fi
  as_root=(sudo -n)
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends chromium >/dev/null
