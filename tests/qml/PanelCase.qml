// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtTest
import Tidegate
import Tidegate.App

/// A test case with the panel's window open.
TestCase {
    id: root

    property var window: null
    readonly property var content: window ? window.contentItem : null
    /// With the dialogs.
    readonly property var everything: window ? window.contentItem.parent : null

    function open(page) {
        App.currentPage = page;
        wait(0);
    }
    function item(objectName) {
        return bench.find(overlayOrContent(), objectName);
    }
    function overlayOrContent() {
        return everything ?? content;
    }

    when: windowShown

    Component {
        id: component

        Main {
            visible: true
        }
    }

    function initTestCase() {
        window = component.createObject(null);
        verify(window !== null);
        window.requestActivate();
        tryVerify(() => window.active);
    }
    function cleanupTestCase() {
        window.destroy();
    }
}
