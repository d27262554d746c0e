#!/bin/sh
# Brings the real servers that the tests speak to: those on the PATH are used, the others are unpacked from the
# distribution's packages into .cache/servers, without touching the system and without root.
set -eu
cd "$(dirname "$0")/.."
cache=$PWD/.cache/servers

missing=
add() { # COMMAND PACKAGE
    PATH="$PATH:/usr/sbin" command -v "$1" >/dev/null 2>&1 && return
    [ -e "$cache/root/usr/bin/$1" ] || [ -e "$cache/root/usr/sbin/$1" ] || missing="$missing $2"
}
add mosquitto mosquitto
add influxd influxdb
add victoria-metrics victoria-metrics
add chromium chromium
# what the tests' browser driver is linked against, and small systems lack
PATH="$PATH:/usr/sbin:/sbin" ldconfig -p | grep -q libatomic.so.1 || [ -n "$(find "$cache/root" -name libatomic.so.1 2>/dev/null)" ] ||
    missing="$missing libatomic1"
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-deb >/dev/null 2>&1; then
    echo "get-servers: no apt-get here; tests that need$missing will be skipped" >&2
    exit 0
fi

mkdir -p "$cache/lists/partial" "$cache/archives/partial" "$cache/root"
apt() {
    apt-get -qq -o Dir::State::Lists="$cache/lists" -o Dir::Cache="$cache" -o Dir::Cache::archives="$cache/archives" \
        -o Debug::NoLocking=1 -o APT::Sandbox::User=root "$@"
}
echo "get-servers: unpacking$missing into .cache/servers" >&2
apt update || echo "get-servers: package lists could not be refreshed" >&2
for package in $missing; do
    apt install --yes --reinstall --download-only --no-install-recommends "$package" >/dev/null ||
        echo "get-servers: no package $package here; tests that need it will be skipped" >&2
done
for file in "$cache"/archives/*.deb; do
    [ -e "$file" ] && dpkg-deb -x "$file" "$cache/root"
done
rm -rf "$cache/archives" "$cache/lists" "$cache"/*.bin
