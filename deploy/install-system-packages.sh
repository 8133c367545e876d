#!/usr/bin/env bash
# Install Debian packages that are missing, where that is possible; else say what to do and go on:
# each has a fallback (no sound device: a monotonic clock paces the player) or a test that names it.
set -u
missing=()
for package in "$@"; do
  dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if ! command -v apt-get >/dev/null; then
  echo "      not a Debian system: if something is missing later, install the equivalent of: ${missing[*]}"
elif [ "$(id -u)" -ne 0 ]; then
  echo "      missing: ${missing[*]}. To have them: sudo apt-get install --no-install-recommends ${missing[*]}"
else
  echo "      apt-get install ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get -qq update && apt-get -qq install --yes --no-install-recommends "${missing[@]}"; } >/dev/null 2>"${TMPDIR:-/tmp}/neurosync-apt.log" \
    || { echo "      apt-get failed:"; tail -n 5 "${TMPDIR:-/tmp}/neurosync-apt.log"; }
fi
exit 0
