// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Tidegate

/// One line of text. `name` is what a screen reader says; `problem` colours the frame.
T.TextField {
    id: control

    property string name: placeholderText
    property bool problem: false
    property bool mono: false

    implicitWidth: 220
    implicitHeight: Theme.controlHeight
    leftPadding: Theme.gapM
    rightPadding: Theme.gapM
    color: Theme.colors.text
    placeholderTextColor: Theme.colors.muted
    selectionColor: Theme.colors.accent
    selectedTextColor: Theme.colors.inkOnAccent
    font.family: mono ? Theme.mono : Theme.sans
    font.pixelSize: Theme.body
    font.preferShaping: !mono
    verticalAlignment: TextInput.AlignVCenter
    renderType: Text.NativeRendering
    selectByMouse: true
    activeFocusOnTab: true
    opacity: enabled ? 1 : 0.6

    Accessible.role: Accessible.EditableText
    Accessible.name: name

    Label {
        x: control.leftPadding
        width: control.width - control.leftPadding - control.rightPadding
        height: control.height
        visible: control.text === "" && control.preeditText === ""
        text: control.placeholderText
        color: control.placeholderTextColor
        font: control.font
        elide: Text.ElideRight
    }

    background: Rectangle {
        radius: Theme.radius
        color: Theme.colors.window
        border.width: control.activeFocus ? Theme.focusWidth : Theme.hairline
        border.color: {
            if (control.problem)
                return Theme.colors.bad;
            return control.activeFocus ? Theme.colors.accent : Theme.colors.border;
        }
    }
}
