// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import QtQuick.Templates as T
import Tidegate
import Tidegate.App

/// The prices in force; a click changes one, for this gateway only.
Dialog {
    id: root

    property bool editing: false
    property bool adding: false
    property var loaded: ({})
    property string problem: ""

    readonly property var values: ({
            pattern: patternField.text.trim(),
            input: inputField.text,
            output: outputField.text,
            cachedInput: cachedField.text,
            cacheWrite: writeField.text,
            reasoning: reasoningField.text,
            perRequest: requestField.text
        })
    readonly property var problems: editing ? App.prices.problems(values) : ({})
    /// Nothing is said about fields that nobody has filled in yet.
    readonly property bool begun: inputField.text !== "" || outputField.text !== ""

    function show() {
        editing = false;
        problem = "";
        open();
    }
    function edit(pattern: string) {
        loaded = App.prices.form(pattern);
        adding = pattern === "";
        problem = "";
        patternField.text = pattern;
        inputField.text = loaded.input;
        outputField.text = loaded.output;
        cachedField.text = loaded.cachedInput;
        writeField.text = loaded.cacheWrite;
        reasoningField.text = loaded.reasoning;
        requestField.text = loaded.perRequest;
        editing = true;
        (adding ? patternField : inputField).forceActiveFocus();
    }

    width: Math.min(680, parent ? parent.width - Theme.gapXxl * 2 : 680)
    title: editing ? (adding ? qsTr("Add a price") : qsTr("Price of %1").arg(patternField.text)) : qsTr("Prices")
    subtitle: editing ? qsTr("US dollars for a million tokens. Empty: as input or output.") : qsTr("US dollars for a million tokens. %1").arg(App.prices.dateText)

    component PriceField: Field {
        id: priceField

        required property string fieldName
        property alias text: input.text

        Layout.fillWidth: true
        Layout.preferredWidth: 1
        Layout.alignment: Qt.AlignTop
        problem: root.begun || text !== "" ? root.problems[fieldName] ?? "" : ""

        TextField {
            id: input

            Layout.fillWidth: true
            objectName: "price-" + priceField.fieldName
            mono: true
            name: priceField.label
            problem: priceField.problem !== ""
            inputMethodHints: Qt.ImhFormattedNumbersOnly
        }
    }

    ListView {
        id: list

        Layout.fillWidth: true
        Layout.preferredHeight: Math.min(contentHeight, 320)
        objectName: "priceList"
        visible: !root.editing
        model: App.prices
        clip: true
        boundsBehavior: Flickable.StopAtBounds
        T.ScrollBar.vertical: ScrollBar {}

        Accessible.role: Accessible.List
        Accessible.name: qsTr("Prices")

        delegate: T.ItemDelegate {
            id: row

            required property string pattern
            required property string inputText
            required property string outputText
            required property string originText
            required property bool removable
            required property string accessibleText

            width: ListView.view.width
            height: Theme.rowHeight
            objectName: "priceRow"
            text: pattern
            focusPolicy: Qt.StrongFocus
            hoverEnabled: true
            onClicked: root.edit(pattern)

            Accessible.role: Accessible.ListItem
            Accessible.name: accessibleText
            Keys.onReturnPressed: row.clicked()
            Keys.onEnterPressed: row.clicked()

            contentItem: RowLayout {
                spacing: Theme.gapM

                Label {
                    Layout.fillWidth: true
                    text: row.pattern
                    mono: true
                    font.pixelSize: Theme.small
                    elide: Text.ElideRight
                }
                Label {
                    Layout.preferredWidth: 72
                    text: row.originText
                    muted: true
                    font.pixelSize: Theme.small
                }
                Label {
                    Layout.preferredWidth: 84
                    text: row.inputText
                    mono: true
                    font.pixelSize: Theme.small
                    horizontalAlignment: Text.AlignRight
                }
                Label {
                    Layout.preferredWidth: 84
                    text: row.outputText
                    mono: true
                    font.pixelSize: Theme.small
                    horizontalAlignment: Text.AlignRight
                }
                Item {
                    implicitWidth: Theme.smallControlHeight

                    IconButton {
                        anchors.centerIn: parent
                        visible: row.removable
                        iconName: "trash-2"
                        //: %1 is a model name or pattern
                        text: qsTr("Remove your price of %1").arg(row.pattern)
                        onClicked: App.prices.remove(row.pattern)
                    }
                }
            }
            background: Rectangle {
                radius: Theme.smallRadius
                color: row.hovered ? Theme.colors.hover : "transparent"

                FocusRing {
                    shown: row.visualFocus
                    distance: -2
                }
            }
        }
    }
    Field {
        Layout.fillWidth: true
        visible: root.editing && root.adding
        label: qsTr("Model")
        hint: qsTr("A name, or a pattern like gpt-*. A name counts before any pattern.")

        TextField {
            id: patternField

            Layout.fillWidth: true
            objectName: "price-pattern"
            mono: true
            name: qsTr("Model name or pattern")
        }
    }
    GridLayout {
        Layout.fillWidth: true
        visible: root.editing
        columns: 3
        columnSpacing: Theme.gapM
        rowSpacing: Theme.gapM

        PriceField {
            id: inputField

            fieldName: "input"
            label: qsTr("Input")
        }
        PriceField {
            id: outputField

            fieldName: "output"
            label: qsTr("Output")
        }
        PriceField {
            id: requestField

            fieldName: "perRequest"
            label: qsTr("For each request")
        }
        PriceField {
            id: cachedField

            fieldName: "cachedInput"
            label: qsTr("Cached input")
        }
        PriceField {
            id: writeField

            fieldName: "cacheWrite"
            label: qsTr("Written to cache")
        }
        PriceField {
            id: reasoningField

            fieldName: "reasoning"
            label: qsTr("Reasoning")
        }
    }
    ResultLine {
        Layout.fillWidth: true
        ok: false
        text: root.problem
    }
    buttons: [
        Button {
            objectName: "addPrice"
            visible: !root.editing
            iconName: "plus"
            text: qsTr("Add a price")
            onClicked: root.edit("")
        },
        Item {
            Layout.fillWidth: true
        },
        Button {
            text: root.editing ? qsTr("Back") : qsTr("Close")
            kind: root.editing ? Button.Ghost : Button.Secondary
            onClicked: root.editing ? root.editing = false : root.close()
        },
        Button {
            objectName: "savePrice"
            visible: root.editing
            text: qsTr("Save")
            kind: Button.Primary
            enabled: Object.keys(root.problems).length === 0 && !App.prices.busy
            onClicked: App.prices.save(root.values)
        }
    ]

    Connections {
        target: App.prices
        enabled: root.visible

        function onSaved() {
            root.editing = false;
        }
        function onFailed(message) {
            root.problem = message;
        }
    }
}
