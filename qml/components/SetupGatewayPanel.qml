// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// Second step: the address and the first client key.
ColumnLayout {
    spacing: Theme.gapL

    Field {
        Layout.fillWidth: true
        label: qsTr("Base URL")
        hint: qsTr("Only programs on this machine can reach it. Change it under Settings.")

        CodeBlock {
            Layout.fillWidth: true
            code: App.gateway.baseUrl
            //: Completes "Copy %1"
            name: qsTr("base URL")
            onCopyRequested: text => App.copyText(text)
        }
    }
    Field {
        Layout.fillWidth: true
        visible: App.setup.clientKey !== ""
        label: qsTr("Client key")
        hint: qsTr("Shown once. Tidegate keeps only a hash; make more under Keys.")

        CodeBlock {
            Layout.fillWidth: true
            wraps: true
            code: App.setup.clientKey
            //: Completes "Copy %1"
            name: qsTr("client key")
            onCopyRequested: text => App.copyText(text)
        }
    }
    Label {
        Layout.fillWidth: true
        visible: App.setup.clientKey === ""
        text: App.keys.activeCount > 0 ? qsTr("You have %n client key(s) already. Make more under Keys.", "", App.keys.activeCount) : qsTr("Making a client key …")
        wrapMode: Text.Wrap
    }
    Separator {
        Layout.fillWidth: true
    }
    FormRow {
        Layout.fillWidth: true
        label: qsTr("Start at login")
        help: qsTr("Off unless you want it. Tidegate then waits in the tray.")

        Switch {
            text: qsTr("Start at login")
            checked: App.settings.startAtLogin
            onToggled: App.settings.startAtLogin = checked
        }
    }
    FormRow {
        Layout.fillWidth: true
        label: qsTr("Keep running in the tray")
        help: qsTr("Closing the window does not stop the gateway; Quit in the tray menu does.")

        Switch {
            text: qsTr("Keep running in the tray")
            checked: App.settings.closeToTray
            onToggled: App.settings.closeToTray = checked
        }
    }
}
