#!/usr/bin/env bash
# Install missing Debian packages if possible; else print what to do and continue. Each package has a fallback (without
# a sound device, a monotonic clock paces the player) or a test that is skipped with its name.
set -u
missing=()
for package in "$@"; do
  dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if ! command -v apt-get >/dev/null; then
  echo "      not a Debian system; you may need the equivalent of: ${missing[*]}"
elif [ "$(id -u)" -ne 0 ]; then
  echo "      missing: ${missing[*]}. Install them with: sudo apt-get install --no-install-recommends ${missing[*]}"
else
  echo "      apt-get install ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get -qq update && apt-get -qq install --yes --no-install-recommends "${missing[@]}"; } >/dev/null 2>"${TMPDIR:-/tmp}/neurosync-apt.log" \
    || { echo "      apt-get failed:"; tail -n 5 "${TMPDIR:-/tmp}/neurosync-apt.log"; }
fi
exit 0
