// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate

/// A message over the whole width with one action; never in the way.
Rectangle {
    id: root

    required property string text
    required property string severityText
    property int tone: Pill.Info
    required property string actionText
    required property bool dismissible

    signal triggered
    signal dismissed

    readonly property color ink: [Theme.colors.muted, Theme.colors.good, Theme.colors.warn, Theme.colors.bad, Theme.colors.info, Theme.colors.accent][tone]

    implicitHeight: Math.max(40, row.implicitHeight + Theme.gapS * 2)
    color: [Theme.colors.hover, Theme.colors.goodTint, Theme.colors.warnTint, Theme.colors.badTint, Theme.colors.infoTint, Theme.colors.accentTint][tone]

    Accessible.role: Accessible.AlertMessage
    Accessible.name: severityText + ": " + text

    Rectangle {
        width: 3
        height: parent.height
        color: root.ink
    }
    RowLayout {
        id: row

        anchors.left: parent.left
        anchors.right: parent.right
        anchors.verticalCenter: parent.verticalCenter
        anchors.leftMargin: Theme.gapL
        anchors.rightMargin: Theme.gapS
        spacing: Theme.gapS

        Icon {
            name: root.tone === Pill.Bad ? "circle-alert" : root.tone === Pill.Warn ? "triangle-alert" : "info"
            color: root.ink
        }
        Label {
            text: root.severityText
            color: root.ink
            strong: true
        }
        Label {
            Layout.fillWidth: true
            text: root.text
            wrapMode: Text.Wrap
        }
        Button {
            visible: root.actionText !== ""
            compact: true
            text: root.actionText
            onClicked: root.triggered()
        }
        IconButton {
            visible: root.dismissible
            iconName: "x"
            text: qsTr("Dismiss")
            onClicked: root.dismissed()
        }
    }
}
