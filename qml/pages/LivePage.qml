// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// The request stream as it happens, with the details of one exchange beside or below it.
FocusScope {
    id: root

    readonly property bool wide: width >= 1040
    readonly property alias table: table

    function openDetail() {
        if (table.currentIndex < 0)
            table.step(0);
        App.detail.show(App.live.exchangeIdAt(table.currentIndex));
    }
    function toggleDetail() {
        App.detail.valid ? App.detail.close() : openDetail();
    }
    function leave() {
        if (App.detail.valid)
            App.detail.close();
        else if (App.live.filterText !== "")
            App.live.filterText = "";
        table.listView.forceActiveFocus();
    }

    Shortcut {
        sequences: [StandardKey.Find] // qmllint disable unqualified
        enabled: root.visible
        onActivated: toolbar.focusFilter()
    }
    Shortcut {
        sequence: "Ctrl+L"
        enabled: root.visible
        onActivated: App.live.clear()
    }
    Keys.onEscapePressed: leave()
    Keys.onSpacePressed: App.live.paused = !App.live.paused
    Keys.onPressed: event => {
        if (event.key !== Qt.Key_C || !App.detail.valid || !(event.modifiers & Qt.ControlModifier))
            return;
        event.accepted = true;
        event.modifiers & Qt.ShiftModifier ? App.detail.copyAsJson() : App.detail.copyAsCurl();
    }

    ColumnLayout {
        anchors.fill: parent
        spacing: 0

        LiveToolbar {
            id: toolbar

            Layout.fillWidth: true
        }
        T.SplitView {
            id: split

            Layout.fillWidth: true
            Layout.fillHeight: true
            orientation: root.wide ? Qt.Horizontal : Qt.Vertical
            handle: Rectangle {
                implicitWidth: root.wide ? Theme.unit + 1 : split.width
                implicitHeight: root.wide ? split.height : Theme.unit + 1
                color: T.SplitHandle.pressed || T.SplitHandle.hovered ? Theme.colors.accent : Theme.colors.border
            }

            Item {
                T.SplitView.fillWidth: true
                T.SplitView.fillHeight: true
                T.SplitView.minimumWidth: 420
                T.SplitView.minimumHeight: 120

                LiveTable {
                    id: table

                    anchors.fill: parent
                    focus: true
                    visible: App.live.countAll > 0
                    onOpenRequested: root.toggleDetail()
                    onColumnsRequested: toolbar.chooseColumns()
                    onCurrentIndexChanged: if (App.detail.valid && currentIndex >= 0)
                        App.detail.show(App.live.exchangeIdAt(currentIndex))
                }
                LiveEmptyState {
                    objectName: "liveEmpty"
                    anchors.fill: parent
                    visible: App.live.count === 0
                }
            }
            ExchangePanel {
                T.SplitView.preferredWidth: 400
                T.SplitView.minimumWidth: 320
                T.SplitView.preferredHeight: 260
                T.SplitView.minimumHeight: 140
                visible: App.detail.valid
                onCloseRequested: root.leave()
            }
        }
    }
}
