// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import Tidegate

/// A circuit breaker as its three states, with the present one lit: an open one counts down to the
/// half-open state, a half-open one counts the probes that succeeded.
Item {
    id: root

    /// As BackendDetail.breaker.
    required property var breaker

    readonly property string current: breaker.state ?? "closed"
    readonly property int nodeSize: 52
    readonly property real gap: Math.max(40, Math.min(88, (width - nodeSize * 3) / 2 - Theme.gapL))
    readonly property real margin: (width - nodeSize * 3 - gap * 2) / 2

    function xOf(place: int): real {
        return Math.round(margin + place * (nodeSize + gap));
    }

    implicitWidth: 300
    implicitHeight: nodeSize + Theme.gapXl + Theme.gapL

    Accessible.role: Accessible.Graphic
    Accessible.name: breaker.spoken ?? ""

    component Node: Item {
        id: node

        required property int place
        required property string stateName
        required property string label
        required property string iconName
        required property color ink
        required property color tint
        property string inside: ""
        property real filled: 1
        property int steps: 0

        readonly property bool lit: root.current === stateName

        x: root.xOf(place)
        width: root.nodeSize
        height: root.nodeSize

        Rectangle {
            anchors.fill: parent
            anchors.margins: 4
            radius: width / 2
            color: node.lit ? node.tint : "transparent"
        }
        Ring {
            anchors.fill: parent
            value: node.lit ? node.filled : 0
            steps: node.lit ? node.steps : 0
            thickness: node.lit ? 3 : 1
            color: node.ink
            trackColor: Theme.colors.border
        }
        Icon {
            anchors.centerIn: parent
            visible: node.inside === "" || !node.lit
            name: node.iconName
            size: Theme.bigIcon
            color: node.lit ? node.ink : Theme.colors.muted
        }
        Label {
            anchors.centerIn: parent
            visible: node.inside !== "" && node.lit
            text: node.inside
            mono: true
            strong: true
            color: node.ink
            font.pixelSize: node.inside.length > 4 ? Theme.caption : Theme.small
        }
        Label {
            anchors.horizontalCenter: parent.horizontalCenter
            anchors.top: parent.bottom
            anchors.topMargin: Theme.gapXs
            text: node.label
            strong: node.lit
            color: node.lit ? node.ink : Theme.colors.muted
            font.pixelSize: Theme.small
        }
    }
    component Arrow: Item {
        id: arrow

        required property int from
        required property int to
        /// From the middle of the circles, downwards.
        property real shift: 0

        readonly property bool back: to < from
        readonly property real start: root.xOf(Math.min(from, to)) + root.nodeSize + Theme.gapXs + 2

        x: start
        y: root.nodeSize / 2 + shift - height / 2
        width: root.xOf(Math.max(from, to)) - Theme.gapXs - 2 - start
        height: Theme.icon

        Rectangle {
            anchors.verticalCenter: parent.verticalCenter
            x: arrow.back ? 5 : 0
            width: parent.width - 5
            height: Theme.hairline
            color: Theme.colors.muted
        }
        Icon {
            anchors.verticalCenter: parent.verticalCenter
            x: arrow.back ? -4 : parent.width - width + 4
            rotation: arrow.back ? 180 : 0
            name: "chevron-right"
            size: 14
            color: Theme.colors.muted
        }
    }

    Node {
        place: 0
        stateName: "closed"
        //: State of a circuit breaker: requests pass
        label: qsTr("Closed")
        iconName: "check"
        ink: Theme.colors.good
        tint: Theme.colors.goodTint
    }
    Arrow {
        from: 0
        to: 1
    }
    Node {
        place: 1
        stateName: "open"
        //: State of a circuit breaker: no request passes
        label: qsTr("Open")
        iconName: "x"
        ink: Theme.colors.bad
        tint: Theme.colors.badTint
        inside: root.breaker.countdown ?? ""
        filled: inside === "" ? 1 : root.breaker.remaining
    }
    Arrow {
        from: 1
        to: 2
        shift: -6
    }
    Arrow {
        from: 2
        to: 1
        shift: 6
    }
    Node {
        place: 2
        stateName: "half_open"
        //: State of a circuit breaker: one request at a time passes
        label: qsTr("Half-open")
        iconName: "circle-dashed"
        ink: Theme.colors.warn
        tint: Theme.colors.warnTint
        //: How many of the probes that are needed have succeeded
        inside: qsTr("%1/%2").arg(root.breaker.succeeded ?? 0).arg(root.breaker.needed ?? 0)
        filled: (root.breaker.needed ?? 0) > 0 ? root.breaker.succeeded / root.breaker.needed : 0
        steps: root.breaker.needed ?? 0
    }
    Item {
        // From half-open back to closed, under the names.
        x: root.xOf(0) + root.nodeSize / 2
        y: root.nodeSize + Theme.gapXl
        width: root.xOf(2) + root.nodeSize / 2 - x
        height: Theme.gapM

        Rectangle {
            x: 0
            width: Theme.hairline
            height: parent.height
            color: Theme.colors.muted
        }
        Rectangle {
            anchors.bottom: parent.bottom
            width: parent.width
            height: Theme.hairline
            color: Theme.colors.muted
        }
        Rectangle {
            anchors.right: parent.right
            width: Theme.hairline
            height: parent.height
            color: Theme.colors.muted
        }
        Icon {
            x: -width / 2 + 0.5
            y: -6
            rotation: -90
            name: "chevron-right"
            size: 14
            color: Theme.colors.muted
        }
    }
}
