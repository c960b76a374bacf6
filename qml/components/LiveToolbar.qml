// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// Filter, chips and view controls of the Live page.
Rectangle {
    id: root

    readonly property LiveFilterModel live: App.live

    function focusFilter() {
        filter.forceActiveFocus(Qt.ShortcutFocusReason);
        filter.selectAll();
    }

    function chooseColumns() {
        columnsPopup.open();
    }

    Component.onCompleted: filter.text = live.filterText

    implicitHeight: column.implicitHeight + Theme.gapM * 2
    color: Theme.colors.surface

    component StatusChip: Chip {
        required property int chip

        checked: root.live.chip === chip
        onClicked: {
            root.live.chip = checked ? chip : LiveModel.Chip.All;
            checked = Qt.binding(() => root.live.chip === chip);
        }
    }

    ColumnLayout {
        id: column

        anchors.left: parent.left
        anchors.right: parent.right
        anchors.top: parent.top
        anchors.leftMargin: Theme.gapM
        anchors.rightMargin: Theme.gapM
        anchors.topMargin: Theme.gapM
        spacing: Theme.gapS

        RowLayout {
            spacing: Theme.gapS

            SearchField {
                id: filter

                Layout.fillWidth: true
                objectName: "filterField"
                iconName: "list-filter"
                mono: true
                name: qsTr("Filter requests")
                //: Example of the filter language; keep the words before the colons
                placeholderText: qsTr("Filter, e.g. model:gpt* status:>=400 ttft:>2s")
                problem: root.live.filterError !== ""
                onTextChanged: root.live.filterText = text

                // Not a binding: clearing the field would break it.
                Connections {
                    target: root.live

                    function onFilterChanged() {
                        if (filter.text !== root.live.filterText)
                            filter.text = root.live.filterText;
                    }
                }
            }
            IconButton {
                id: helpButton

                iconName: "circle-help"
                text: qsTr("How to filter")
                onClicked: help.open()

                FilterHelpPopup {
                    id: help

                    x: parent.width - width
                    y: parent.height + Theme.gapXs
                    onExampleChosen: example => {
                        filter.text = example;
                        root.focusFilter();
                    }
                }
            }
            IconButton {
                objectName: "viewsButton"
                iconName: "bookmark"
                text: qsTr("Saved views")
                onClicked: views.open()

                LiveViewsPopup {
                    id: views

                    x: parent.width - width
                    y: parent.height + Theme.gapXs
                }
            }
            IconButton {
                objectName: "columnsButton"
                iconName: "columns-3"
                text: qsTr("Columns")
                onClicked: root.chooseColumns()

                LiveColumnsPopup {
                    id: columnsPopup

                    x: parent.width - width
                    y: parent.height + Theme.gapXs
                }
            }
            Separator {
                Layout.fillHeight: true
                Layout.topMargin: Theme.gapXs
                Layout.bottomMargin: Theme.gapXs
            }
            Button {
                objectName: "pauseButton"
                kind: root.live.paused ? Button.Primary : Button.Secondary
                iconName: root.live.paused ? "play" : "pause"
                text: {
                    if (!root.live.paused)
                        return qsTr("Pause");
                    //: Button while the view is paused: %n requests arrived since
                    return root.live.newWhilePaused > 0 ? qsTr("Resume · +%n new", "", root.live.newWhilePaused) : qsTr("Resume");
                }
                onClicked: root.live.paused = !root.live.paused
            }
            IconButton {
                iconName: "arrow-down-to-line"
                text: root.live.followTail ? qsTr("Following the newest request") : qsTr("Follow the newest request")
                checkable: true
                checked: root.live.followTail
                shortcutText: qsTr("End")
                onClicked: root.live.followTail = checked
                onCheckedChanged: if (checked !== root.live.followTail)
                    checked = Qt.binding(() => root.live.followTail)
            }
            IconButton {
                iconName: "trash-2"
                text: qsTr("Clear the view")
                shortcutText: "Ctrl+L"
                onClicked: root.live.clear()
            }
        }
        RowLayout {
            visible: root.live.filterError !== ""
            spacing: Theme.gapS

            Icon {
                name: "circle-alert"
                size: 14
                color: Theme.colors.bad
            }
            Label {
                Layout.fillWidth: true
                objectName: "filterError"
                text: root.live.filterError
                color: Theme.colors.bad
                font.pixelSize: Theme.small
                elide: Text.ElideRight
                Accessible.role: Accessible.AlertMessage
                Accessible.name: text
            }
        }
        RowLayout {
            spacing: Theme.gapS

            StatusChip {
                chip: LiveModel.Chip.All
                text: qsTr("All")
                count: root.live.countAll
            }
            StatusChip {
                chip: LiveModel.Chip.Streaming
                text: qsTr("Streaming")
                count: root.live.countStreaming
            }
            StatusChip {
                chip: LiveModel.Chip.Ok
                //: Chip: requests that succeeded
                text: qsTr("OK")
                count: root.live.countOk
            }
            StatusChip {
                chip: LiveModel.Chip.Errors
                text: qsTr("Errors")
                count: root.live.countErrors
            }
            StatusChip {
                chip: LiveModel.Chip.Cancelled
                text: qsTr("Cancelled")
                count: root.live.countCancelled
            }
            Item {
                Layout.fillWidth: true
            }
            Label {
                visible: root.live.paused || root.live.dropped > 0
                text: {
                    if (root.live.paused)
                        return qsTr("The view is paused, the gateway goes on");
                    return qsTr("%n request(s) served but not listed", "", root.live.dropped);
                }
                muted: true
                font.pixelSize: Theme.small
            }
        }
    }
    Separator {
        anchors.bottom: parent.bottom
        width: parent.width
    }
}
