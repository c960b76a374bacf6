// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtTest
import Tidegate
import Tidegate.App

TestCase {
    name: "Theme"

    function test_contrast_data() {
        const rows = [];
        for (const set of ["darkColors", "lightColors"]) {
            for (const ground of ["window", "surface", "raised", "hover", "selection"]) {
                rows.push({tag: set + " text on " + ground, set: set, ink: "text", ground: ground});
                rows.push({tag: set + " muted on " + ground, set: set, ink: "muted", ground: ground});
            }
            for (const state of ["accent", "good", "warn", "bad", "info"]) {
                for (const ground of ["window", "surface", state + "Tint"])
                    rows.push({tag: set + " " + state + " on " + ground, set: set, ink: state, ground: ground});
                rows.push({tag: set + " text on " + state + "Tint", set: set, ink: "text", ground: state + "Tint"});
            }
            rows.push({tag: set + " on accent", set: set, ink: "inkOnAccent", ground: "accent"});
            rows.push({tag: set + " on bad", set: set, ink: "inkOnState", ground: "bad"});
        }
        return rows;
    }
    function test_contrast(row) {
        const colors = Theme[row.set];
        const ratio = bench.contrast(colors[row.ink], colors[row.ground]);
        verify(ratio >= 4.5, row.tag + ": " + ratio.toFixed(2));
    }
    function test_fontsAreBundled() {
        compare(Theme.sans, "Inter");
        compare(Theme.mono, "JetBrains Mono");
        for (const font of [Theme.sansRegular, Theme.sansStrong, Theme.monoRegular, Theme.monoStrong])
            compare(font.status, FontLoader.Ready);
    }
    function test_reducedMotionStopsAnimations() {
        Theme.reducedMotion = true;
        compare(Theme.duration, 0);
        Theme.reducedMotion = false;
        verify(Theme.duration > 0);
    }
}
