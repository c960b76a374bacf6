// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// The gateway at a glance: state, address, pulse.
Rectangle {
    id: root

    readonly property GatewayStatus gateway: App.gateway
    readonly property bool running: gateway.state === GatewayStatus.State.Running
    readonly property bool paused: gateway.state === GatewayStatus.State.Paused

    implicitHeight: 48
    color: Theme.colors.surface

    component Figure: RowLayout {
        id: figure

        required property string value
        required property string unit

        spacing: Theme.unit + 2

        Label {
            Layout.alignment: Qt.AlignBaseline
            text: figure.value
            mono: true
            strong: true
            font.pixelSize: Theme.lead
        }
        Label {
            Layout.alignment: Qt.AlignBaseline
            text: figure.unit
            muted: true
            font.pixelSize: Theme.small
        }
    }

    RowLayout {
        anchors.fill: parent
        anchors.leftMargin: Theme.gapL
        anchors.rightMargin: Theme.gapL
        spacing: Theme.gapS

        StatePill {
            gatewayState: root.gateway.state
            text: root.gateway.stateText
        }
        IconButton {
            visible: root.running || root.paused
            iconName: root.paused ? "play" : "pause"
            text: root.paused ? qsTr("Accept requests again") : qsTr("Stop accepting requests")
            onClicked: root.paused ? root.gateway.resume() : root.gateway.pause()
        }
        Rectangle {
            Layout.leftMargin: Theme.gapXs
            visible: root.gateway.baseUrl !== ""
            implicitWidth: chip.implicitWidth + Theme.gapM + 2
            implicitHeight: 30
            radius: Theme.radius
            color: Theme.colors.window
            border.width: Theme.hairline
            border.color: Theme.colors.border

            RowLayout {
                id: chip

                anchors.fill: parent
                anchors.leftMargin: Theme.gapM
                anchors.rightMargin: 1
                spacing: Theme.gapXs

                Label {
                    text: root.gateway.baseUrl
                    mono: true
                    font.pixelSize: Theme.small
                    //: Read aloud before the gateway's address
                    Accessible.name: qsTr("Base URL") + " " + text
                    Accessible.role: Accessible.StaticText
                }
                CopyButton {
                    //: Completes "Copy %1"
                    name: qsTr("base URL")
                    onClicked: App.copyText(root.gateway.baseUrl)
                }
            }
        }
        Tag {
            visible: App.demo
            //: The panel shows a simulated feed
            text: qsTr("Demo")
            mono: false
        }
        Item {
            Layout.fillWidth: true
        }
        Figure {
            value: Number(root.gateway.requestsPerSecond).toLocaleString(Qt.locale(), "f", 1)
            //: Unit: requests per second
            unit: qsTr("req/s")
        }
        Figure {
            Layout.leftMargin: Theme.gapL
            value: Number(root.gateway.activeStreams).toLocaleString(Qt.locale(), "f", 0)
            //: After a number: requests in flight
            unit: qsTr("active")
        }
        Figure {
            Layout.leftMargin: Theme.gapL
            value: Number(root.gateway.requestsToday).toLocaleString(Qt.locale(), "f", 0)
            //: After a number: requests since midnight
            unit: qsTr("today")
        }
    }
    Separator {
        anchors.bottom: parent.bottom
        width: parent.width
    }
}
