// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// The settings. All but the address apply at once.
FocusScope {
    id: root

    readonly property AppSettings settings: App.settings
    property string problem: ""

    Connections {
        target: root.settings

        function onFailed(message) {
            root.problem = message;
        }
    }
    Flickable {
        anchors.fill: parent
        contentHeight: column.implicitHeight + Theme.gapXl * 2
        boundsBehavior: Flickable.StopAtBounds
        clip: true
        T.ScrollBar.vertical: ScrollBar {}

        ColumnLayout {
            id: column

            x: Theme.gapXl
            y: Theme.gapXl
            width: Math.min(parent.width - Theme.gapXl * 2, 760)
            spacing: Theme.gapXl

            PageHeader {
                Layout.fillWidth: true
                title: qsTr("Settings")
            }
            ResultLine {
                Layout.fillWidth: true
                ok: false
                text: root.problem
            }
            ServerSettingsPanel {
                Layout.fillWidth: true
            }
            SettingsSection {
                Layout.fillWidth: true
                title: qsTr("Appearance")

                FormRow {
                    Layout.fillWidth: true
                    label: qsTr("Theme")
                    help: qsTr("System follows the desktop, also while it changes.")

                    Segmented {
                        name: qsTr("Theme")
                        value: root.settings.theme
                        options: [
                            {value: AppSettings.Theme.System, text: qsTr("System"), icon: "monitor"},
                            {value: AppSettings.Theme.Light, text: qsTr("Light"), icon: "sun"},
                            {value: AppSettings.Theme.Dark, text: qsTr("Dark"), icon: "moon"}
                        ]
                        onChosen: value => root.settings.theme = value
                    }
                }
                Separator {
                    Layout.fillWidth: true
                }
                FormRow {
                    Layout.fillWidth: true
                    label: qsTr("Tray icon")
                    help: qsTr("In its colours, or in one: light for a dark panel, dark for a light one.")

                    Segmented {
                        objectName: "trayStyle"
                        name: qsTr("Tray icon")
                        value: root.settings.trayStyle
                        options: [
                            {value: AppSettings.TrayStyle.Colour, text: qsTr("Colours")},
                            //: The tray icon in one light colour
                            {value: AppSettings.TrayStyle.Light, text: qsTr("Light")},
                            //: The tray icon in one dark colour
                            {value: AppSettings.TrayStyle.Dark, text: qsTr("Dark")}
                        ]
                        onChosen: value => root.settings.trayStyle = value
                    }
                }
                Separator {
                    Layout.fillWidth: true
                }
                FormRow {
                    Layout.fillWidth: true
                    label: qsTr("Reduced motion")
                    help: qsTr("Nothing slides or pulses. Streaming rows show a still bar.")

                    Switch {
                        text: qsTr("Reduced motion")
                        checked: root.settings.reducedMotion
                        onToggled: root.settings.reducedMotion = checked
                    }
                }
            }
            SettingsSection {
                Layout.fillWidth: true
                title: qsTr("Startup")

                FormRow {
                    Layout.fillWidth: true
                    label: qsTr("Start at login")
                    help: qsTr("The gateway is ready before the first program asks. The window stays in the tray.")

                    Switch {
                        text: qsTr("Start at login")
                        checked: root.settings.startAtLogin
                        onToggled: {
                            root.problem = "";
                            root.settings.startAtLogin = checked;
                            checked = Qt.binding(() => root.settings.startAtLogin);
                        }
                    }
                }
                Separator {
                    Layout.fillWidth: true
                }
                FormRow {
                    Layout.fillWidth: true
                    label: qsTr("Close to tray")
                    help: qsTr("Closing the window leaves the gateway running. Without a tray, closing asks before it quits.")

                    Switch {
                        text: qsTr("Close to tray")
                        checked: root.settings.closeToTray
                        onToggled: root.settings.closeToTray = checked
                    }
                }
                Separator {
                    Layout.fillWidth: true
                }
                FormRow {
                    Layout.fillWidth: true
                    label: qsTr("First steps")
                    help: qsTr("Find servers on this machine, see snippets, send a test request.")

                    Button {
                        text: qsTr("Open again")
                        onClicked: App.currentPage = "setup"
                    }
                }
            }
            AboutPanel {
                Layout.fillWidth: true
            }
        }
    }
}
