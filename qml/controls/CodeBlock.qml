// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Tidegate

/// Code to copy: selectable, with a button that says "Copied" for a moment.
Rectangle {
    id: root

    required property string code
    /// What the code is, for the screen reader: "curl command".
    required property string name
    property bool wraps: false
    property int maximumLines: 16

    /// The program puts it on the clipboard.
    signal copyRequested(string text)

    implicitWidth: 320
    implicitHeight: Math.min(area.implicitHeight + Theme.hairline * 2, maximumLines * metrics.height + Theme.gapXl)
    radius: Theme.radius
    color: Theme.colors.window
    border.width: Theme.hairline
    border.color: Theme.colors.border

    FontMetrics {
        id: metrics

        font: area.font
    }
    Flickable {
        id: flickable

        anchors.fill: parent
        anchors.margins: Theme.hairline
        contentWidth: root.wraps ? width : Math.max(width, area.implicitWidth)
        contentHeight: area.implicitHeight
        boundsBehavior: Flickable.StopAtBounds
        clip: true
        T.ScrollBar.vertical: ScrollBar {}
        T.ScrollBar.horizontal: ScrollBar {}

        TextEdit {
            id: area

            width: flickable.contentWidth
            leftPadding: Theme.gapM
            rightPadding: Theme.gapXxl + Theme.gapXl
            topPadding: Theme.gapM
            bottomPadding: Theme.gapM
            text: root.code
            readOnly: true
            selectByMouse: true
            activeFocusOnTab: true
            textFormat: TextEdit.PlainText
            wrapMode: root.wraps ? TextEdit.WrapAnywhere : TextEdit.NoWrap
            color: Theme.colors.text
            selectionColor: Theme.colors.accent
            selectedTextColor: Theme.colors.inkOnAccent
            font.family: Theme.mono
            font.pixelSize: Theme.small
            font.preferShaping: false
            renderType: Text.NativeRendering

            Accessible.role: Accessible.EditableText
            Accessible.name: root.name
            Accessible.readOnly: true
            Keys.onTabPressed: nextItemInFocusChain(true).forceActiveFocus(Qt.TabFocusReason)
            Keys.onBacktabPressed: nextItemInFocusChain(false).forceActiveFocus(Qt.BacktabFocusReason)
        }
    }
    FocusRing {
        shown: area.activeFocus
        distance: -1
    }
    CopyButton {
        anchors.right: parent.right
        anchors.top: parent.top
        anchors.margins: Theme.unit + 2
        name: root.name
        onClicked: root.copyRequested(root.code)
    }
}
