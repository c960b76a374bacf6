// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Templates as T
import Tidegate

/// A choice of one from a list. `name` is what a screen reader says before the value.
T.ComboBox {
    id: control

    property string name: ""

    implicitWidth: 220
    implicitHeight: Theme.controlHeight
    leftPadding: Theme.gapM
    rightPadding: Theme.gapXxl
    focusPolicy: Qt.StrongFocus
    hoverEnabled: true
    opacity: enabled ? 1 : 0.6

    Accessible.role: Accessible.ComboBox
    Accessible.name: name + ": " + displayText

    contentItem: Label {
        text: control.displayText
        elide: Text.ElideRight
    }
    indicator: Icon {
        x: control.width - width - Theme.gapS
        y: Math.round((control.height - height) / 2)
        name: "chevron-down"
        color: Theme.colors.muted
    }
    background: Rectangle {
        radius: Theme.radius
        color: control.hovered || control.down ? Theme.colors.hover : Theme.colors.window
        border.width: control.visualFocus ? Theme.focusWidth : Theme.hairline
        border.color: control.visualFocus || control.popup.visible ? Theme.colors.accent : Theme.colors.border
    }
    delegate: T.ItemDelegate {
        id: option

        required property int index

        width: ListView.view.width
        height: Theme.controlHeight
        leftPadding: Theme.gapM
        rightPadding: Theme.gapM
        text: control.textAt(index)
        highlighted: control.highlightedIndex === index
        hoverEnabled: true

        Accessible.role: Accessible.ListItem
        Accessible.name: text

        contentItem: Label {
            text: option.text
            strong: control.currentIndex === option.index
            color: strong ? Theme.colors.accent : Theme.colors.text
            elide: Text.ElideRight
        }
        background: Rectangle {
            radius: Theme.smallRadius
            color: option.highlighted ? Theme.colors.hover : "transparent"
        }
    }
    popup: T.Popup {
        y: control.height + Theme.unit
        width: control.width
        height: Math.min(contentItem.implicitHeight + Theme.gapS, 320)
        padding: Theme.gapXs
        margins: Theme.gapS

        contentItem: ListView {
            clip: true
            implicitHeight: contentHeight
            model: control.delegateModel
            currentIndex: control.highlightedIndex
            boundsBehavior: Flickable.StopAtBounds
            T.ScrollBar.vertical: ScrollBar {}
        }
        background: Rectangle {
            radius: Theme.radius
            color: Theme.colors.raised
            border.width: Theme.hairline
            border.color: Theme.colors.border
        }
    }
}
