// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// Which columns the Live table has; remembered.
T.Popup {
    id: root

    readonly property var columns: [
        {name: "time", text: qsTr("Time")},
        {name: "model", text: qsTr("Model")},
        {name: "key", text: qsTr("Client key")},
        {name: "backend", text: qsTr("Backend")},
        {name: "attempts", text: qsTr("Attempts")},
        {name: "ttft", text: qsTr("Time to first token")},
        {name: "total", text: qsTr("Total time")},
        {name: "tokens", text: qsTr("Tokens in / out")},
        {name: "speed", text: qsTr("Tokens a second")},
        {name: "cost", text: qsTr("Cost")}
    ]

    function setShown(name: string, shown: bool) {
        const others = Array.from(App.settings.hiddenLiveColumns).filter(hidden => hidden !== name);
        App.settings.hiddenLiveColumns = shown ? others : others.concat([name]);
    }

    padding: Theme.gapM
    margins: Theme.gapS
    focus: true
    width: Math.max(220, contentItem.implicitWidth + leftPadding + rightPadding)
    height: contentItem.implicitHeight + topPadding + bottomPadding

    contentItem: ColumnLayout {
        spacing: Theme.gapXs

        Label {
            text: qsTr("Columns")
            strong: true
            Accessible.role: Accessible.Heading
            Accessible.name: text
        }
        Repeater {
            model: root.columns

            delegate: Checkbox {
                id: box

                required property var modelData

                objectName: "column-" + modelData.name
                text: modelData.text
                checked: !App.settings.hiddenLiveColumns.includes(modelData.name)
                onToggled: {
                    root.setShown(modelData.name, checked);
                    checked = Qt.binding(() => !App.settings.hiddenLiveColumns.includes(box.modelData.name));
                }
            }
        }
        Button {
            objectName: "allColumns"
            Layout.topMargin: Theme.gapXs
            compact: true
            enabled: App.settings.hiddenLiveColumns.length > 0
            text: qsTr("Show all")
            onClicked: App.settings.hiddenLiveColumns = []
        }
        Label {
            Layout.fillWidth: true
            Layout.maximumWidth: 240
            muted: true
            font.pixelSize: Theme.caption
            text: qsTr("A narrow table leaves out the least telling ones by itself.")
            wrapMode: Text.Wrap
        }
    }
    background: Rectangle {
        radius: Theme.radius
        color: Theme.colors.raised
        border.width: Theme.hairline
        border.color: Theme.colors.border
    }
}
