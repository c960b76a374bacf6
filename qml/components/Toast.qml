// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate

/// A short message at the bottom that goes by itself.
Rectangle {
    id: root

    function show(message: string) {
        label.text = message;
        timer.restart();
    }

    visible: timer.running
    width: Math.min(label.implicitWidth + Theme.gapXl, parent.width - Theme.gapXxl)
    height: Theme.rowHeight + Theme.unit
    radius: Theme.radius
    color: Theme.colors.raised
    border.width: Theme.hairline
    border.color: Theme.colors.border

    Accessible.role: Accessible.AlertMessage
    Accessible.name: label.text

    Label {
        id: label

        anchors.fill: parent
        anchors.leftMargin: Theme.gapM
        anchors.rightMargin: Theme.gapM
        elide: Text.ElideRight
    }
    Timer {
        id: timer

        interval: Theme.toastDuration
    }
}
