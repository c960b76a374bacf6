// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// Who used what, when, and what it cost.
FocusScope {
    id: root

    readonly property UsageModel usage: App.usage
    readonly property bool charted: !usage.loading && !usage.empty && usage.error === ""

    function savePicture() {
        const path = App.picturePath();
        body.grabToImage(result => {
            if (result.saveToFile(path))
                App.noteSaved(path);
        });
    }

    Binding {
        target: App.usage
        property: "watched"
        value: root.visible
    }

    component SectionCard: Card {
        id: card

        required property string title
        default property alias content: cardColumn.data
        property alias tools: cardTools.data

        Layout.fillWidth: true
        implicitHeight: cardColumn.implicitHeight + head.height + Theme.gapS

        RowLayout {
            id: head

            x: Theme.gapL
            width: parent.width - Theme.gapL * 2
            height: 52
            spacing: Theme.gapM

            Label {
                text: card.title
                strong: true
                font.pixelSize: Theme.lead
                Accessible.role: Accessible.Heading
                Accessible.name: text
            }
            Item {
                Layout.fillWidth: true
            }
            RowLayout {
                id: cardTools

                spacing: Theme.gapM
            }
        }
        ColumnLayout {
            id: cardColumn

            y: head.height
            width: parent.width
            spacing: Theme.gapS
        }
    }
    component Notice: RowLayout {
        id: notice

        required property string text
        required property string iconName
        required property color ink
        property string actionText: ""

        signal triggered

        visible: text !== ""
        spacing: Theme.gapS

        Icon {
            name: notice.iconName
            size: 14
            color: notice.ink
        }
        Label {
            Layout.fillWidth: true
            text: notice.text
            muted: true
            font.pixelSize: Theme.small
            wrapMode: Text.Wrap
        }
        Button {
            visible: notice.actionText !== ""
            compact: true
            text: notice.actionText
            onClicked: notice.triggered()
        }
    }

    Flickable {
        id: flick

        anchors.fill: parent
        contentHeight: column.implicitHeight + Theme.gapXl * 2
        boundsBehavior: Flickable.StopAtBounds
        clip: true
        T.ScrollBar.vertical: ScrollBar {}

        ColumnLayout {
            id: column

            x: Theme.gapXl
            y: Theme.gapXl
            width: parent.width - Theme.gapXl * 2
            spacing: Theme.gapL

            PageHeader {
                Layout.fillWidth: true
                title: qsTr("Usage")
                sentence: root.usage.rangeText
            }
            // In two lines where one is too narrow for the words of a language.
            GridLayout {
                Layout.fillWidth: true
                columns: pickers.implicitWidth + tools.implicitWidth + Theme.gapL <= column.width ? 2 : 1
                rowSpacing: Theme.gapS

                RowLayout {
                    id: pickers

                    spacing: Theme.gapS

                    Segmented {
                        objectName: "rangePicker"
                        name: qsTr("Range")
                        value: root.usage.range
                        options: [
                            //: 15 minutes, short
                            {value: UsageModel.Range.QuarterHour, text: qsTr("15 min")},
                            {value: UsageModel.Range.Hour, text: qsTr("1 h")},
                            {value: UsageModel.Range.Today, text: qsTr("Today")},
                            {value: UsageModel.Range.Week, text: qsTr("7 days")},
                            {value: UsageModel.Range.Month, text: qsTr("30 days")},
                            //: A range of time of one's own
                            {value: UsageModel.Range.Custom, text: qsTr("Custom…")}
                        ]
                        onChosen: value => value === UsageModel.Range.Custom ? rangeDialog.ask() : root.usage.range = value
                    }
                    Segmented {
                        objectName: "zonePicker"
                        name: qsTr("Times are")
                        value: root.usage.utc
                        options: [
                            //: Times are shown in the local time zone
                            {value: false, text: qsTr("Local")},
                            {value: true, text: qsTr("UTC")}
                        ]
                        onChosen: value => root.usage.utc = value
                    }
                }
                RowLayout {
                    id: tools

                    Layout.fillWidth: true
                    spacing: Theme.gapS

                    Item {
                        Layout.fillWidth: true
                    }
                    IconButton {
                        iconName: "rotate-cw"
                        text: qsTr("Read it again")
                        onClicked: root.usage.refresh()
                    }
                    Button {
                        objectName: "exportUsage"
                        compact: true
                        enabled: root.charted
                        iconName: "download"
                        //: Button: exports a table
                        text: qsTr("CSV")
                        Accessible.name: qsTr("Export as CSV")
                        onClicked: App.saveUsageCsv()
                    }
                    Button {
                        objectName: "exportPicture"
                        compact: true
                        enabled: root.charted
                        iconName: "image"
                        //: Button: exports a picture
                        text: qsTr("PNG")
                        Accessible.name: qsTr("Export as PNG")
                        onClicked: root.savePicture()
                    }
                }
            }
            RowLayout {
                Layout.fillWidth: true
                visible: root.usage.loading
                spacing: Theme.gapM

                Repeater {
                    model: 5

                    delegate: Card {
                        Layout.fillWidth: true
                        Layout.preferredWidth: 1
                        implicitHeight: 92
                        color: Theme.colors.hover
                    }
                }
            }
            Card {
                Layout.fillWidth: true
                implicitHeight: 380
                visible: root.usage.loading
                color: Theme.colors.hover
                Accessible.role: Accessible.StaticText
                Accessible.name: qsTr("Reading usage")
            }
            EmptyState {
                Layout.fillWidth: true
                Layout.topMargin: Theme.gapXl
                visible: root.usage.error !== ""
                iconName: "circle-alert"
                title: qsTr("Usage cannot be read")
                sentence: root.usage.error
                actionText: qsTr("Try again")
                onTriggered: root.usage.refresh()
            }
            EmptyState {
                Layout.fillWidth: true
                Layout.topMargin: Theme.gapXl
                objectName: "usageEmpty"
                visible: root.usage.empty
                iconName: "chart-column"
                title: qsTr("No request in this time")
                sentence: qsTr("Each request that passes the gateway is counted here: by key, team, model and backend, with its tokens and its price.")
                snippet: "curl " + App.gateway.baseUrl + "/chat/completions -H \"Authorization: Bearer $OPENAI_API_KEY\" \\\n  -d '{\"model\": \"fast\", \"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}'"
                onCopyRequested: text => App.copyText(text)
            }
            ColumnLayout {
                id: body

                Layout.fillWidth: true
                visible: root.charted
                spacing: Theme.gapL

                RowLayout {
                    Layout.fillWidth: true
                    spacing: Theme.gapM

                    Repeater {
                        model: root.usage.tiles

                        delegate: UsageTile {
                            required property var modelData

                            Layout.fillWidth: true
                            Layout.preferredWidth: 1
                            tile: modelData
                        }
                    }
                }
                SectionCard {
                    title: [qsTr("Requests"), qsTr("Tokens"), qsTr("Cost")][root.usage.measure]
                    tools: [
                        Segmented {
                            objectName: "measurePicker"
                            name: qsTr("Chart of")
                            value: root.usage.measure
                            options: [
                                {value: UsageModel.Measure.Requests, text: qsTr("Requests")},
                                {value: UsageModel.Measure.Tokens, text: qsTr("Tokens")},
                                {value: UsageModel.Measure.Cost, text: qsTr("Cost")}
                            ]
                            onChosen: value => root.usage.measure = value
                        },
                        Segmented {
                            objectName: "groupPicker"
                            name: qsTr("Told apart by")
                            value: root.usage.group
                            options: [
                                {value: UsageModel.Group.Key, text: qsTr("Key")},
                                {value: UsageModel.Group.Team, text: qsTr("Team")},
                                {value: UsageModel.Group.Model, text: qsTr("Model")},
                                {value: UsageModel.Group.Backend, text: qsTr("Backend")}
                            ]
                            onChosen: value => root.usage.group = value
                        }
                    ]

                    StackChart {
                        objectName: "stackChart"
                        Layout.fillWidth: true
                        Layout.leftMargin: Theme.gapS
                        Layout.rightMargin: Theme.gapL
                    }
                    ChartLegend {
                        Layout.fillWidth: true
                        Layout.leftMargin: Theme.gapS
                        Layout.rightMargin: Theme.gapS
                        entries: root.usage.legend
                        onToggled: name => root.usage.toggleSeries(name)
                    }
                    Separator {
                        Layout.fillWidth: true
                    }
                    UsageTableView {
                        Layout.fillWidth: true
                        objectName: "groupTable"
                        table: root.usage.groups
                        name: qsTr("Usage by group")
                    }
                }
                Notice {
                    Layout.fillWidth: true
                    objectName: "unknownCost"
                    text: root.usage.unknownCostText
                    iconName: "triangle-alert"
                    ink: Theme.colors.warn
                    actionText: qsTr("Add a price")
                    onTriggered: prices.show()
                }
                Notice {
                    Layout.fillWidth: true
                    text: root.usage.incomplete ? qsTr("Older requests are still being added up: these figures will grow.") : ""
                    iconName: "clock"
                    ink: Theme.colors.warn
                }
                Notice {
                    Layout.fillWidth: true
                    text: root.usage.estimatedText
                    iconName: "info"
                    ink: Theme.colors.muted
                }
                Notice {
                    Layout.fillWidth: true
                    text: App.prices.dateText
                    iconName: "clock"
                    ink: Theme.colors.muted
                    actionText: qsTr("Edit prices")
                    onTriggered: prices.show()
                }
                SectionCard {
                    title: qsTr("Response times")
                    tools: [
                        ChartLegend {
                            Layout.preferredWidth: implicitWidth
                            enabled: false
                            entries: [
                                //: Half of the requests are faster
                                {name: "p50", colorIndex: 0, hidden: false, value: "———"},
                                {name: "p95", colorIndex: 1, hidden: false, value: "– – –"},
                                {name: "p99", colorIndex: 2, hidden: false, value: "· · · ·"}
                            ]
                        }
                    ]

                    LatencyChart {
                        objectName: "latencyChart"
                        Layout.fillWidth: true
                        Layout.leftMargin: Theme.gapS
                        Layout.rightMargin: Theme.gapL
                    }
                    Separator {
                        Layout.fillWidth: true
                    }
                    UsageTableView {
                        Layout.fillWidth: true
                        objectName: "timeTable"
                        table: root.usage.times
                        name: qsTr("Usage over time")
                    }
                }
            }
        }
    }
    CustomRangeDialog {
        id: rangeDialog
    }
    PriceDialog {
        id: prices
    }
}
