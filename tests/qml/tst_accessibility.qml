// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtTest
import Tidegate
import Tidegate.App

PanelCase {
    name: "Accessibility"

    function test_everyFocusableItemHasAName_data() {
        return ["live", "keys", "backends", "models", "usage", "settings", "setup"].map(page => ({tag: page}));
    }
    function test_everyFocusableItemHasAName(row) {
        bench.addRequests(20);
        open(row.tag);
        if (row.tag === "live")
            App.detail.show(App.live.exchangeIdAt(0));
        verify(bench.focusableCount(overlayOrContent()) >= 3);
        compare(bench.unnamedItems(overlayOrContent()), []);
        compare(bench.smallTargets(overlayOrContent()), []);
    }
    function test_tabReachesThePage() {
        open("settings");
        const seen = new Set();
        for (let i = 0; i < 20; ++i) {
            keyClick(Qt.Key_Tab);
            seen.add(window.activeFocusItem);
        }
        verify(seen.size >= 8, "only " + seen.size + " items take the focus");
    }
}
