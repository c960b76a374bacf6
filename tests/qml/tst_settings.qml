// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtTest
import Tidegate
import Tidegate.App

PanelCase {
    name: "Settings"

    function init() {
        open("settings");
    }

    function test_themeAppliesAtOnce() {
        App.settings.theme = AppSettings.Theme.Light;
        verify(!Theme.dark);
        compare(window.color, Theme.lightColors.window);
        App.settings.theme = AppSettings.Theme.Dark;
        verify(Theme.dark);
        compare(window.color, Theme.darkColors.window);
    }
    function test_portIsCheckedWhileTyping() {
        const field = item("portField");
        const was = field.text;
        field.forceActiveFocus();
        field.selectAll();
        keyClick(Qt.Key_1);
        compare(field.text, "1");
        field.text = was;
        field.textEdited();
    }
    function test_shortcutsChangeThePage() {
        keySequence("Ctrl+1");
        compare(App.currentPage, "live");
        keySequence("Ctrl+2");
        compare(App.currentPage, "keys");
        keySequence("Ctrl+3");
        compare(App.currentPage, "backends");
        keySequence("Ctrl+4");
        compare(App.currentPage, "models");
        keySequence("Ctrl+5");
        compare(App.currentPage, "usage");
        keySequence("Ctrl+6");
        compare(App.currentPage, "settings");
    }
    function test_paletteFindsAPage() {
        keySequence("Ctrl+K");
        tryVerify(() => item("paletteField") !== null && item("paletteField").activeFocus);
        compare(bench.unnamedItems(overlayOrContent()), []);
        const all = item("paletteList").count;
        item("paletteField").text = "usa";
        tryCompare(item("paletteList"), "count", 1);
        bench.picture(content, "palette");
        verify(all > 8);
        keyClick(Qt.Key_Return);
        tryCompare(App, "currentPage", "usage");
        keySequence("Ctrl+E");
        verify(bench.saved("tidegate-usage-key-2026-11-20.csv").length > 0);
    }
    function test_setupStepsCanBeWalked() {
        open("setup");
        const next = item("nextButton");
        verify(next !== null);
        compare(bench.unnamedItems(overlayOrContent()), []);
        mouseClick(next);
        wait(50);
        compare(bench.unnamedItems(overlayOrContent()), []);
        bench.picture(content, "setup-2");
        mouseClick(next);
        wait(50);
        compare(bench.unnamedItems(overlayOrContent()), []);
        bench.picture(content, "setup-3");
        mouseClick(next);
        tryCompare(App, "currentPage", "live");
    }
}
