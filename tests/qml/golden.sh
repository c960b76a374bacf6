#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Pictures of every page in both themes.
#
#   golden.sh compare TIDEGATE COMPAREPICTURES DIR   takes them into DIR and compares; exit 1 on a difference
#   golden.sh update  TIDEGATE                       takes them into golden/, after a wanted change
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mode=$1
tidegate=$2
case $mode in
    compare) compare=$3 out=$4 ;;
    update) out=$here/golden ;;
    *) echo "golden.sh: compare or update?" >&2; exit 2 ;;
esac

runtime=$(mktemp -d)
trap 'rm -rf "$runtime"' EXIT
export QT_QPA_PLATFORM=offscreen QT_QUICK_BACKEND=software QT_SCALE_FACTOR=1 QT_FONT_DPI=96
export LANG=C.UTF-8 TZ=UTC XDG_RUNTIME_DIR=$runtime XDG_CONFIG_HOME=$runtime XDG_DATA_HOME=$runtime

mkdir -p "$out"
failed=0
for page in live keys backends models usage settings setup; do
    for theme in dark light; do
        name=$page-$theme
        (cd / && timeout 60 "$tidegate" --demo --screenshot "$page" --theme "$theme" --size 1280x800 \
            --out "$out/$name.png")
        if [ "$mode" = compare ]; then
            "$compare" "$here/golden/$name.png" "$out/$name.png" "$out/$name-diff.png" || failed=1
        fi
    done
done
if [ $failed -ne 0 ]; then
    echo "Actual pictures and differences are in $out. If the change is wanted:" >&2
    echo "  tests/qml/golden.sh update $tidegate" >&2
fi
exit $failed
