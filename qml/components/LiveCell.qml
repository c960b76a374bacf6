// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate

/// One cell of the Live table; takes no room when its column is hidden.
Label {
    property int columnWidth: 0
    property bool number: false

    width: columnWidth
    height: parent ? parent.height : implicitHeight
    visible: columnWidth > 0
    rightPadding: Theme.gapM
    mono: number
    font.pixelSize: number ? Theme.small : Theme.body
    horizontalAlignment: number ? Text.AlignRight : Text.AlignLeft
    elide: Text.ElideRight
    maximumLineCount: 1
}
