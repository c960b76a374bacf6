// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate

/// A state: shape, word and colour together.
Rectangle {
    id: root

    enum Tone { Neutral, Good, Warn, Bad, Info, Accent }

    required property string text
    property string iconName: ""
    property int tone: Pill.Neutral

    readonly property color ink: [Theme.colors.muted, Theme.colors.good, Theme.colors.warn, Theme.colors.bad, Theme.colors.info, Theme.colors.accent][tone]
    readonly property color tint: [Theme.colors.hover, Theme.colors.goodTint, Theme.colors.warnTint, Theme.colors.badTint, Theme.colors.infoTint, Theme.colors.accentTint][tone]

    implicitWidth: row.implicitWidth + Theme.gapS * 2
    implicitHeight: Theme.unit * 6
    radius: height / 2
    color: tint

    Accessible.role: Accessible.StaticText
    Accessible.name: text

    Row {
        id: row

        anchors.centerIn: parent
        spacing: Theme.unit + 2

        Icon {
            anchors.verticalCenter: parent.verticalCenter
            visible: root.iconName !== ""
            name: root.iconName
            size: 14
            color: root.ink
        }
        Label {
            anchors.verticalCenter: parent.verticalCenter
            text: root.text
            color: root.ink
            strong: true
            font.pixelSize: Theme.small
        }
    }
}
