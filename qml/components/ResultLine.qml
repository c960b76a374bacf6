// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate

/// The outcome of something, with shape and colour; takes no room while there is none.
RowLayout {
    id: root

    required property string text
    required property bool ok

    visible: text !== ""
    spacing: Theme.gapS

    Icon {
        Layout.alignment: Qt.AlignTop
        Layout.topMargin: 1
        name: root.ok ? "circle-check" : "circle-alert"
        color: root.ok ? Theme.colors.good : Theme.colors.bad
    }
    Label {
        Layout.fillWidth: true
        text: root.text
        color: root.ok ? Theme.colors.good : Theme.colors.bad
        wrapMode: Text.Wrap
        Accessible.role: Accessible.AlertMessage
        Accessible.name: text
    }
}
