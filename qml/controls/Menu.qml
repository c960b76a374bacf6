// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Tidegate

/// A popup list of actions.
T.Menu {
    id: control

    implicitWidth: Math.max(180, contentItem.implicitWidth + leftPadding + rightPadding)
    implicitHeight: contentItem.implicitHeight + topPadding + bottomPadding
    padding: Theme.gapXs
    margins: Theme.gapS
    delegate: MenuItem {}

    contentItem: ListView {
        implicitWidth: control.count > 0 ? Math.max(...Array.from({length: control.count}, (unused, i) => control.itemAt(i).implicitWidth)) : 0
        implicitHeight: contentHeight
        model: control.contentModel
        currentIndex: control.currentIndex
        interactive: false
    }
    background: Rectangle {
        radius: Theme.radius
        color: Theme.colors.raised
        border.width: Theme.hairline
        border.color: Theme.colors.border
    }
}
