// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtTest
import Tidegate
import Tidegate.App

PanelCase {
    name: "Keys"

    function init() {
        open("keys");
    }

    function test_keyIsShownOnce() {
        const before = App.keys.count;
        mouseClick(item("pageAction"));
        tryVerify(() => item("keyNameField") !== null);
        compare(bench.unnamedItems(overlayOrContent()), []);
        verify(!item("createButton").enabled);
        item("keyNameField").text = "laptop";
        verify(item("createButton").enabled);
        bench.picture(content, "key-create");
        mouseClick(item("createButton"));
        tryVerify(() => item("newKey") !== null);
        const key = item("newKey").code;
        verify(key.startsWith("tg-"), key);
        compare(App.keys.count, before + 1);
        bench.picture(content, "key-shown");
        keyClick(Qt.Key_Escape);
        verify(item("newKey") !== null, "Escape must not throw the key away");
        mouseClick(item("doneButton"));
        tryVerify(() => item("newKey") === null);
        mouseClick(item("pageAction"));
        tryVerify(() => item("createButton") !== null);
        compare(item("newKey"), null);
        keyClick(Qt.Key_Escape);
        tryVerify(() => item("createButton") === null);
    }
    function test_revokingAsksForTheName() {
        const before = App.keys.activeCount;
        const button = item("revokeButton");
        verify(button !== null);
        mouseClick(button);
        tryVerify(() => item("confirmField") !== null);
        compare(bench.unnamedItems(overlayOrContent()), []);
        verify(!item("confirmButton").enabled);
        bench.picture(content, "key-revoke");
        item("confirmField").text = button.keyName;
        verify(item("confirmButton").enabled);
        mouseClick(item("confirmButton"));
        tryVerify(() => item("confirmField") === null);
        tryCompare(App.keys, "activeCount", before - 1);
    }
}
