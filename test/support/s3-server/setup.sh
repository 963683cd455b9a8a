#!/usr/bin/env bash
# Fetches a real S3 server for the tests and installs nothing: OpenStack Swift with its s3api, out of Debian's packages,
# unpacked into a folder. Needs apt and its lists. Does nothing when the folder is complete.
#   test/support/s3-server/setup.sh .cache/s3-server
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
[ -e "$folder/complete" ] && exit 0

rm -rf "$folder/root" "$folder/debs"
mkdir -p "$folder/debs/partial" "$folder/root"
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --download-only --reinstall --no-install-recommends -o Dir::Cache::archives="$folder/debs" \
  swift-proxy swift-account swift-container swift-object > /dev/null
for deb in "$folder"/debs/*.deb; do dpkg -x "$deb" "$folder/root"; done
rm -rf "$folder/debs"

# Swift looks for its main file in /etc only.
grep -rl "'/etc/swift/swift.conf'" "$folder/root/usr/lib/python3/dist-packages/swift" | xargs sed -i "s#'/etc/swift/swift.conf'#__import__('os').environ['SWIFT_CONF']#"
touch "$folder/complete"
