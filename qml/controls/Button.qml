// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Tidegate

/// A push button with text and an optional icon in front of it.
T.Button {
    id: control

    enum Kind { Secondary, Primary, Ghost, Danger }

    property int kind: Button.Secondary
    property string iconName: ""
    property bool compact: false

    readonly property bool filled: kind === Button.Primary || kind === Button.Danger
    readonly property color fill: kind === Button.Primary ? Theme.colors.accent : Theme.colors.bad
    readonly property color rest: kind === Button.Ghost ? "transparent" : Theme.colors.raised
    readonly property color ink: {
        if (kind === Button.Primary)
            return Theme.colors.inkOnAccent;
        return kind === Button.Danger ? Theme.colors.inkOnState : Theme.colors.text;
    }

    /// What a click does, for keyboard and screen reader.
    function press() {
        if (checkable)
            toggle();
        clicked();
    }

    implicitWidth: Math.max(implicitContentWidth + leftPadding + rightPadding, Theme.controlHeight)
    implicitHeight: compact ? Theme.smallControlHeight : Theme.controlHeight
    leftPadding: compact ? Theme.gapS : Theme.gapM
    rightPadding: leftPadding
    focusPolicy: Qt.StrongFocus
    hoverEnabled: true
    opacity: enabled ? 1 : 0.5

    Accessible.role: Accessible.Button
    Accessible.name: text
    Accessible.onPressAction: control.press()
    Keys.onReturnPressed: control.press()
    Keys.onEnterPressed: control.press()

    contentItem: Item {
        implicitWidth: row.implicitWidth
        implicitHeight: row.implicitHeight

        Row {
            id: row

            anchors.centerIn: parent
            spacing: Theme.gapS

            Icon {
                anchors.verticalCenter: parent.verticalCenter
                visible: control.iconName !== ""
                name: control.iconName
                color: control.ink
                size: Theme.icon
            }
            Label {
                anchors.verticalCenter: parent.verticalCenter
                text: control.text
                color: control.ink
                strong: control.filled
                font.pixelSize: control.compact ? Theme.small : Theme.body
            }
        }
    }
    background: Rectangle {
        radius: Theme.radius
        color: {
            if (control.filled)
                return control.down ? Qt.darker(control.fill, 1.15) : control.hovered ? Qt.lighter(control.fill, 1.08) : control.fill;
            return control.down ? Theme.colors.pressed : control.hovered ? Theme.colors.hover : control.rest;
        }
        border.width: control.kind === Button.Secondary ? Theme.hairline : 0
        border.color: Theme.colors.border

        FocusRing {
            shown: control.visualFocus
        }
    }
}
