// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Tidegate

/// A modal question or form: title, body, and a row of buttons at the right of `buttons`.
T.Dialog {
    id: control

    default property alias body: column.data
    property alias buttons: buttonRow.data
    property string subtitle: ""

    parent: T.Overlay.overlay
    anchors.centerIn: parent
    width: Math.min(520, parent ? parent.width - Theme.gapXxl * 2 : 520)
    height: Math.min(implicitHeight, parent ? parent.height - Theme.gapXxl * 2 : implicitHeight)
    implicitHeight: column.implicitHeight + topPadding + bottomPadding + (header ? header.implicitHeight : 0) + (footer ? footer.implicitHeight : 0)
    padding: Theme.gapXl
    topPadding: Theme.gapM
    bottomPadding: Theme.gapS
    modal: true
    focus: true
    closePolicy: T.Popup.CloseOnEscape

    header: Item {
        implicitHeight: heading.implicitHeight + Theme.gapXl

        ColumnLayout {
            id: heading

            anchors.left: parent.left
            anchors.right: parent.right
            anchors.leftMargin: Theme.gapXl
            anchors.rightMargin: Theme.gapXl
            anchors.bottom: parent.bottom
            spacing: Theme.gapXs

            Label {
                Layout.fillWidth: true
                text: control.title
                strong: true
                font.pixelSize: Theme.title
                elide: Text.ElideRight
                Accessible.role: Accessible.Heading
                Accessible.name: text
            }
            Label {
                Layout.fillWidth: true
                visible: text !== ""
                text: control.subtitle
                muted: true
                wrapMode: Text.Wrap
            }
        }
    }
    contentItem: Flickable {
        id: flickable

        clip: contentHeight > height
        contentHeight: column.implicitHeight
        interactive: contentHeight > height
        boundsBehavior: Flickable.StopAtBounds
        // In the padding, not over the fields.
        T.ScrollBar.vertical: ScrollBar {
            parent: flickable.parent
            x: flickable.x + flickable.width + Theme.gapXs
            y: flickable.y
            height: flickable.height
        }

        ColumnLayout {
            id: column

            width: parent.width
            spacing: Theme.gapM
        }
    }
    footer: Item {
        implicitHeight: buttonRow.implicitHeight + Theme.gapM + Theme.gapXl

        RowLayout {
            id: buttonRow

            anchors.left: parent.left
            anchors.right: parent.right
            anchors.top: parent.top
            anchors.leftMargin: Theme.gapXl
            anchors.rightMargin: Theme.gapXl
            anchors.topMargin: Theme.gapM
            spacing: Theme.gapS
        }
    }
    background: Rectangle {
        radius: Theme.cardRadius
        color: Theme.colors.surface
        border.width: Theme.hairline
        border.color: Theme.colors.border
    }

    T.Overlay.modal: Rectangle {
        color: Theme.colors.scrim
    }

    enter: Transition {
        NumberAnimation {
            property: "opacity"
            from: 0
            to: 1
            duration: Theme.shortDuration
        }
    }
}
