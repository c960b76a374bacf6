// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Templates as T
import Tidegate

/// How far something is, or that it goes on when indeterminate.
T.ProgressBar {
    id: control

    property string name: ""

    implicitWidth: 160
    implicitHeight: Theme.unit

    Accessible.role: Accessible.ProgressBar
    Accessible.name: name

    background: Rectangle {
        radius: height / 2
        color: Theme.colors.border
    }
    contentItem: Item {
        Rectangle {
            id: bar

            property real phase

            width: control.indeterminate ? parent.width / 3 : parent.width * control.visualPosition
            x: control.indeterminate ? (parent.width - width) * phase : 0
            height: parent.height
            radius: height / 2
            color: Theme.colors.accent

            SequentialAnimation on phase {
                running: control.indeterminate && control.visible && !Theme.reducedMotion
                loops: Animation.Infinite

                NumberAnimation {
                    to: 1
                    duration: Theme.pulseDuration
                    easing.type: Easing.InOutQuad
                }
                NumberAnimation {
                    to: 0
                    duration: Theme.pulseDuration
                    easing.type: Easing.InOutQuad
                }
            }
        }
    }
}
