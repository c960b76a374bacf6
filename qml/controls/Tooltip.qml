// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Tidegate

/// A short hint under its parent.
T.ToolTip {
    id: control

    x: parent ? Math.round((parent.width - implicitWidth) / 2) : 0
    y: parent ? parent.height + Theme.gapXs : 0
    implicitWidth: implicitContentWidth + leftPadding + rightPadding
    implicitHeight: implicitContentHeight + topPadding + bottomPadding
    margins: Theme.gapXs
    horizontalPadding: Theme.gapS
    verticalPadding: Theme.gapXs
    delay: Theme.tooltipDelay
    closePolicy: T.Popup.CloseOnEscape | T.Popup.CloseOnPressOutsideParent | T.Popup.CloseOnReleaseOutsideParent

    contentItem: Label {
        text: control.text
        font.pixelSize: Theme.small
    }
    background: Rectangle {
        radius: Theme.smallRadius
        color: Theme.colors.raised
        border.width: Theme.hairline
        border.color: Theme.colors.border
    }
}
