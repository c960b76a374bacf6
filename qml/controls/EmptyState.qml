// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate

/// What a page shows instead of nothing: one sentence, one button, one snippet.
Item {
    id: root

    required property string title
    required property string sentence
    property string iconName: ""
    property string actionText: ""
    property string snippet: ""
    //: Read aloud for a block of example code
    property string snippetName: qsTr("example command")

    signal triggered
    signal copyRequested(string text)

    implicitHeight: column.implicitHeight + Theme.gapXxl

    ColumnLayout {
        id: column

        anchors.centerIn: parent
        width: Math.min(parent.width - Theme.gapXxl, 560)
        spacing: Theme.gapM

        Rectangle {
            Layout.alignment: Qt.AlignHCenter
            Layout.bottomMargin: Theme.gapXs
            implicitWidth: 48
            implicitHeight: 48
            radius: 24
            visible: root.iconName !== ""
            color: Theme.colors.accentTint

            Icon {
                anchors.centerIn: parent
                name: root.iconName
                size: Theme.bigIcon
                color: Theme.colors.accent
            }
        }
        Label {
            Layout.fillWidth: true
            text: root.title
            strong: true
            font.pixelSize: Theme.title
            horizontalAlignment: Text.AlignHCenter
            wrapMode: Text.Wrap
        }
        Label {
            Layout.fillWidth: true
            text: root.sentence
            muted: true
            horizontalAlignment: Text.AlignHCenter
            wrapMode: Text.Wrap
            lineHeight: 1.3
        }
        Button {
            Layout.alignment: Qt.AlignHCenter
            Layout.topMargin: Theme.gapXs
            visible: root.actionText !== ""
            kind: Button.Primary
            text: root.actionText
            onClicked: root.triggered()
        }
        CodeBlock {
            Layout.fillWidth: true
            Layout.topMargin: Theme.gapS
            visible: root.snippet !== ""
            code: root.snippet
            name: root.snippetName
            onCopyRequested: text => root.copyRequested(text)
        }
    }
}
