// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtTest
import Tidegate
import Tidegate.App

PanelCase {
    name: "Backends"

    function init() {
        open("backends");
    }

    function test_addingShowsTheModelsBeforeSaving() {
        const before = App.backends.count;
        mouseClick(item("pageAction"));
        tryVerify(() => item("typeBox") !== null);
        const box = item("typeBox");
        box.currentIndex = box.indexOfValue("ollama");
        box.activated(box.currentIndex);
        compare(bench.unnamedItems(overlayOrContent()), []);
        verify(item("nameField").text.startsWith("ollama"));
        verify(item("urlField").text !== "");
        mouseClick(item("testButton"));
        tryVerify(() => item("testResult") !== null);
        verify(item("testResult").ok);
        bench.picture(content, "backend-add");
        compare(App.backends.count, before);
        mouseClick(item("saveButton"));
        tryVerify(() => item("typeBox") === null);
        compare(App.backends.count, before + 1);
    }
    function test_aKeyIsNeededWhereTheProviderWantsOne() {
        mouseClick(item("pageAction"));
        tryVerify(() => item("typeBox") !== null);
        const box = item("typeBox");
        box.currentIndex = box.indexOfValue("openai");
        box.activated(box.currentIndex);
        verify(!item("saveButton").enabled);
        item("keyField").text = "sk-test";
        compare(item("keyField").echoMode, TextInput.Password);
        verify(item("saveButton").enabled);
        bench.picture(content, "backend-key");
        keyClick(Qt.Key_Escape);
        tryVerify(() => item("typeBox") === null);
    }
    function test_removingAsks() {
        const before = App.backends.count;
        mouseClick(item("removeButton"));
        tryVerify(() => item("confirmButton") !== null);
        bench.picture(content, "backend-remove");
        mouseClick(item("confirmButton"));
        tryVerify(() => item("confirmButton") === null);
        tryCompare(App.backends, "count", before - 1);
    }
}
