// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick

/// Makes a page when it is first shown, and keeps it.
Loader {
    required property bool shown

    anchors.fill: parent
    visible: shown
    focus: shown
    active: false
    onShownChanged: if (shown) {
        active = true;
        forceActiveFocus();
    }
    Component.onCompleted: active = active || shown
}
