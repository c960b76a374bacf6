// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// The figures of a chart as a table; a click on a title sorts.
Item {
    id: root

    required property UsageTable table
    /// What it lists, for the screen reader.
    required property string name
    property int mostRows: 8

    readonly property int others: Math.max(1, table.columns.length - 1)
    readonly property int numberWidth: Math.max(72, Math.min(116, Math.floor((width - Theme.gapL * 2 - 160) / others)))
    readonly property int firstWidth: width - Theme.gapL * 2 - numberWidth * others

    implicitHeight: header.height + Math.min(mostRows, table.count) * Theme.rowHeight

    Row {
        id: header

        x: Theme.gapL
        height: Theme.rowHeight

        Repeater {
            model: root.table.columns

            delegate: T.Button {
                id: title

                required property var modelData
                required property int index
                readonly property bool sorted: root.table.sortColumn === index

                objectName: "sortButton"
                width: index === 0 ? root.firstWidth : root.numberWidth
                height: Theme.rowHeight
                text: modelData.title
                focusPolicy: Qt.StrongFocus
                hoverEnabled: true
                onClicked: root.table.sortBy(index)

                Accessible.role: Accessible.ColumnHeader
                Accessible.name: {
                    if (!sorted)
                        //: Read aloud: a column that can be sorted by
                        return qsTr("Sort by %1").arg(text);
                    return root.table.descending ? qsTr("%1, sorted downwards").arg(text) : qsTr("%1, sorted upwards").arg(text);
                }
                Accessible.onPressAction: title.clicked()
                Keys.onReturnPressed: title.clicked()
                Keys.onEnterPressed: title.clicked()

                contentItem: Item {
                    Row {
                        anchors.verticalCenter: parent.verticalCenter
                        anchors.right: title.index === 0 ? undefined : parent.right
                        spacing: Theme.unit

                        Icon {
                            anchors.verticalCenter: parent.verticalCenter
                            visible: title.sorted
                            name: root.table.descending ? "arrow-down" : "arrow-up"
                            size: 12
                            color: Theme.colors.accent
                        }
                        Label {
                            text: title.text
                            strong: true
                            color: title.sorted || title.hovered ? Theme.colors.text : Theme.colors.muted
                            font.pixelSize: Theme.caption
                        }
                    }
                }
                background: Item {
                    FocusRing {
                        shown: title.visualFocus
                        distance: -2
                    }
                }
            }
        }
    }
    Separator {
        y: header.height - 1
        width: parent.width
    }
    ListView {
        id: list

        anchors.fill: parent
        anchors.topMargin: header.height
        model: root.table
        clip: true
        reuseItems: true
        interactive: contentHeight > height
        boundsBehavior: Flickable.StopAtBounds
        keyNavigationEnabled: false
        activeFocusOnTab: interactive
        T.ScrollBar.vertical: ScrollBar {}

        Accessible.role: Accessible.Table
        Accessible.name: root.name
        Keys.onUpPressed: contentY = Math.max(0, contentY - Theme.rowHeight)
        Keys.onDownPressed: contentY = Math.min(contentHeight - height, contentY + Theme.rowHeight)

        delegate: Item {
            id: row

            required property var cells
            required property int colorIndex
            required property string accessibleText
            required property int index

            width: ListView.view.width
            height: Theme.rowHeight

            Accessible.role: Accessible.Row
            Accessible.name: accessibleText

            Row {
                x: Theme.gapL
                height: parent.height

                Repeater {
                    model: row.cells

                    delegate: Label {
                        required property string modelData
                        required property int index

                        width: index === 0 ? root.firstWidth : root.numberWidth
                        height: Theme.rowHeight
                        text: modelData
                        mono: index > 0
                        horizontalAlignment: index > 0 ? Text.AlignRight : Text.AlignLeft
                        elide: Text.ElideRight
                        leftPadding: index === 0 && row.colorIndex >= 0 ? Theme.gapL : 0
                        font.pixelSize: Theme.small

                        Rectangle {
                            anchors.verticalCenter: parent.verticalCenter
                            width: 8
                            height: 8
                            radius: 2
                            visible: parent.index === 0 && row.colorIndex >= 0
                            color: row.colorIndex >= 0 ? Theme.series[row.colorIndex] : "transparent"
                        }
                    }
                }
            }
            Separator {
                anchors.bottom: parent.bottom
                width: parent.width
                visible: row.index < list.count - 1
            }
        }
    }
    FocusRing {
        anchors.fill: list
        shown: list.activeFocus
        distance: -Theme.focusWidth
    }
}
