// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// The part of the backend dialog that few need, folded in until somebody asks for it.
ColumnLayout {
    id: root

    /// What is in the fields; see BackendsModel.get().
    property var form: App.backends.emptyAdvanced()
    property bool unfolded: false
    readonly property var problems: App.backends.advancedProblems(form)
    readonly property bool complete: Object.keys(problems).length === 0
    /// Changes when load() puts other values in.
    property int loads: 0

    function load(values: var) {
        form = values ?? App.backends.emptyAdvanced();
        unfolded = false;
        loads += 1;
    }
    function set(key: string, value: var) {
        const next = Object.assign({}, form);
        next[key] = value;
        form = next;
    }

    spacing: Theme.gapM

    Button {
        objectName: "advancedButton"
        Layout.leftMargin: -Theme.gapS
        kind: Button.Ghost
        compact: true
        iconName: root.unfolded ? "chevron-down" : "chevron-right"
        text: qsTr("Advanced")
        Accessible.checkable: true
        Accessible.checked: root.unfolded
        onClicked: root.unfolded = !root.unfolded
    }
    Repeater {
        model: root.unfolded ? App.backends.advancedGroups : []

        delegate: ColumnLayout {
            id: group

            required property var modelData

            Layout.fillWidth: true
            Layout.bottomMargin: Theme.gapS
            spacing: Theme.gapXs

            Label {
                text: group.modelData.title
                strong: true
                Accessible.role: Accessible.Heading
                Accessible.name: text
            }
            Label {
                Layout.fillWidth: true
                visible: text !== ""
                text: group.modelData.hint
                muted: true
                font.pixelSize: Theme.small
                wrapMode: Text.Wrap
            }
            GridLayout {
                Layout.fillWidth: true
                Layout.topMargin: Theme.gapXs
                columns: 2
                columnSpacing: Theme.gapM
                rowSpacing: Theme.gapS

                Repeater {
                    model: group.modelData.fields

                    delegate: Field {
                        id: field

                        required property var modelData
                        readonly property bool isSwitch: modelData.kind === "switch"

                        Layout.fillWidth: true
                        Layout.preferredWidth: 1
                        Layout.columnSpan: modelData.wide ? 2 : 1
                        Layout.alignment: Qt.AlignTop
                        label: isSwitch ? "" : modelData.label
                        problem: root.problems[modelData.key] ?? ""

                        TextField {
                            Layout.fillWidth: true
                            objectName: field.modelData.key
                            visible: !field.isSwitch
                            mono: true
                            name: field.modelData.label
                            placeholderText: field.modelData.placeholder
                            problem: field.problem !== ""
                            text: root.loads >= 0 && !field.isSwitch ? root.form[field.modelData.key] : ""
                            onTextEdited: root.set(field.modelData.key, text)
                        }
                        Checkbox {
                            objectName: field.modelData.key
                            visible: field.isSwitch
                            text: field.modelData.label
                            checked: root.form[field.modelData.key] === true
                            onToggled: root.set(field.modelData.key, checked)
                        }
                    }
                }
            }
        }
    }
}
