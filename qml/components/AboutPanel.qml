// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// Versions and licences.
SettingsSection {
    id: root

    title: qsTr("About")

    RowLayout {
        Layout.fillWidth: true
        spacing: Theme.gapL

        Icon {
            name: "mark/tidegate"
            color: "transparent"
            size: 40
        }
        ColumnLayout {
            Layout.fillWidth: true
            spacing: 2

            RowLayout {
                spacing: Theme.gapS

                Label {
                    text: qsTr("Tidegate")
                    strong: true
                    font.pixelSize: Theme.lead
                }
                Label {
                    text: App.settings.version
                    mono: true
                }
                Label {
                    //: %1 is the version of the Qt library
                    text: qsTr("on Qt %1").arg(App.settings.qtVersion)
                    muted: true
                }
            }
            Label {
                Layout.fillWidth: true
                text: qsTr("One local OpenAI-compatible endpoint in front of many LLM backends.")
                muted: true
                font.pixelSize: Theme.small
                wrapMode: Text.Wrap
            }
        }
        Button {
            iconName: "copy"
            text: qsTr("Copy diagnostics")
            onClicked: App.copyText(App.settings.diagnostics())
        }
    }
    Separator {
        Layout.fillWidth: true
    }
    GridLayout {
        Layout.fillWidth: true
        columns: 2
        columnSpacing: Theme.gapL
        rowSpacing: Theme.gapXs

        Repeater {
            model: ["Tidegate", "GPL-3.0-or-later", "Qt HTTP Server", "GPL-3.0", "Qt", "LGPL-3.0", "libcurl", "curl (MIT-like)", "simdjson", "Apache-2.0", "yaml-cpp", "MIT", "QtKeychain", "BSD-2-Clause", "SQLite", qsTr("Public domain"), "Inter, JetBrains Mono", "OFL-1.1", "Lucide", "ISC"]

            delegate: Label {
                required property string modelData
                required property int index

                Layout.preferredWidth: index % 2 === 0 ? 180 : -1
                Layout.fillWidth: index % 2 === 1
                text: modelData
                muted: index % 2 === 1
                font.pixelSize: Theme.small
            }
        }
    }
}
