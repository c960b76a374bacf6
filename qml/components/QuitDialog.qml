// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// Asks before requests in flight are cut, or before closing means quitting.
Dialog {
    id: root

    property int activeStreams: 0
    property bool noTray: false

    function ask(streams: int, withoutTray: bool) {
        activeStreams = streams;
        noTray = withoutTray;
        open();
    }

    title: qsTr("Quit Tidegate?")
    subtitle: {
        const running = activeStreams > 0 ? qsTr("Still running: %n request(s).", "", activeStreams) : "";
        const tray = noTray ? qsTr("There is no system tray here, so closing the window stops the gateway.") : "";
        return [tray, running].filter(text => text !== "").join(" ");
    }
    width: 460
    buttons: [
        Button {
            text: qsTr("Cancel")
            kind: Button.Ghost
            onClicked: root.close()
        },
        Item {
            Layout.fillWidth: true
        },
        Button {
            text: root.activeStreams > 0 ? qsTr("Quit now") : qsTr("Quit")
            kind: root.activeStreams > 0 ? Button.Danger : Button.Primary
            onClicked: App.quitNow()
        },
        Button {
            visible: root.activeStreams > 0
            text: qsTr("Finish, then quit")
            kind: Button.Primary
            focus: true
            onClicked: App.quitAfterDraining()
        }
    ]
}
