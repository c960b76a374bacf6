// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import Tidegate
import Tidegate.App

/// The newest row of the Live page, as it happens.
Card {
    id: root

    implicitHeight: Theme.rowHeight + 2
    color: Theme.colors.window

    LiveColumns {
        id: rowColumns

        available: root.width - Theme.gapS
    }
    ListView {
        anchors.fill: parent
        anchors.margins: 1
        model: App.live
        interactive: false
        clip: true
        focus: false
        onContentHeightChanged: contentY = Math.max(0, originY + contentHeight - height)

        delegate: LiveRowDelegate {
            width: ListView.view.width
            columns: rowColumns
            selected: false
            pulse: 0
        }
    }
}
