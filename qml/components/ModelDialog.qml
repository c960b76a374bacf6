// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Tidegate
import Tidegate.App

/// Makes a public model name, or changes one.
Dialog {
    id: root

    property string originalName: ""
    property var loaded: ({})
    property string problem: ""
    /// Changes with every edit of a target, so that `values` is made anew.
    property int edits: 0

    readonly property bool adding: originalName === ""
    readonly property string nameProblem: adding && nameField.text !== "" ? App.models.nameProblem(nameField.text) : ""
    //: The model is not mirrored
    readonly property var noMirror: [qsTr("nowhere")]
    readonly property var affinities: [
        {value: "off", text: qsTr("nothing")},
        {value: "prompt_prefix", text: qsTr("the beginning of the prompt")},
        {value: "header", text: qsTr("a header")}
    ]
    readonly property var values: Object.assign({}, loaded, {
        targets: targetList(edits),
        strategy: strategyBox.currentValue,
        aliases: aliasesField.text,
        fallbacks: fallbacksField.text,
        affinity: affinityBox.currentValue,
        affinityHeader: headerField.text,
        hedge: hedgeBox.checked,
        hedgeAfter: hedgeField.text,
        mirrorBackend: mirrorBox.currentIndex > 0 ? mirrorBox.model[mirrorBox.currentIndex] : "",
        mirrorModel: mirrorModelField.text,
        mirrorPercent: mirrorPercentField.text
    })
    readonly property var problems: App.models.formProblems(values)
    readonly property bool complete: nameField.text.trim() !== "" && nameProblem === "" && Object.keys(problems).length === 0

    function targetList(unused: int): var {
        return Array.from({length: targets.count}, (nothing, i) => ({
                    backend: targets.get(i).backend,
                    model: targets.get(i).model,
                    weight: targets.get(i).weight
                }));
    }
    function load(name: string) {
        originalName = name;
        loaded = App.models.form(name);
        problem = "";
        nameField.text = name;
        targets.clear();
        for (const target of loaded.targets)
            targets.append({backend: target.backend, model: target.model, weight: target.weight});
        if (targets.count === 0)
            addTarget();
        strategyBox.currentIndex = Math.max(0, strategyBox.indexOfValue(loaded.strategy));
        aliasesField.text = loaded.aliases;
        fallbacksField.text = loaded.fallbacks;
        affinityBox.currentIndex = Math.max(0, affinityBox.indexOfValue(loaded.affinity));
        headerField.text = loaded.affinityHeader;
        hedgeBox.checked = loaded.hedge;
        hedgeField.text = loaded.hedgeAfter;
        mirrorBox.currentIndex = Math.max(0, mirrorBox.model.indexOf(loaded.mirrorBackend));
        mirrorModelField.text = loaded.mirrorModel;
        mirrorPercentField.text = loaded.mirrorPercent;
        edits += 1;
        open();
    }
    function addTarget() {
        targets.append({backend: App.backends.names[0] ?? "", model: "", weight: "1"});
        edits += 1;
    }
    function moveTarget(from: int, to: int) {
        if (to < 0 || to >= targets.count || from === to)
            return;
        targets.move(from, to, 1);
        edits += 1;
    }
    function setTarget(index: int, property: string, value: string) {
        targets.setProperty(index, property, value);
        edits += 1;
    }
    function save() {
        if (complete && !App.models.busy)
            App.models.save(nameField.text.trim(), values);
    }

    width: Math.min(680, parent ? parent.width - Theme.gapXxl * 2 : 680)
    title: adding ? qsTr("Add a model") : qsTr("Edit “%1”").arg(originalName)
    subtitle: qsTr("A name of your own for what one or several backends serve.")
    onOpened: adding ? nameField.forceActiveFocus() : strategyBox.forceActiveFocus()

    ListModel {
        id: targets
    }
    GridLayout {
        Layout.fillWidth: true
        columns: 2
        columnSpacing: Theme.gapM

        Field {
            Layout.fillWidth: true
            Layout.preferredWidth: 1
            Layout.alignment: Qt.AlignTop
            label: qsTr("Name")
            problem: root.nameProblem
            hint: qsTr("What clients ask for.")

            TextField {
                id: nameField

                Layout.fillWidth: true
                objectName: "modelNameField"
                enabled: root.adding
                mono: true
                name: qsTr("Public name of the model")
                placeholderText: qsTr("For example: fast")
                problem: root.nameProblem !== ""
            }
        }
        Field {
            Layout.fillWidth: true
            Layout.preferredWidth: 1
            Layout.alignment: Qt.AlignTop
            label: qsTr("Which target first")
            hint: App.models.strategies[strategyBox.currentIndex]?.hint ?? ""

            ComboBox {
                id: strategyBox

                Layout.fillWidth: true
                objectName: "strategyBox"
                name: qsTr("Strategy")
                model: App.models.strategies
                textRole: "text"
                valueRole: "value"
            }
        }
    }
    Field {
        Layout.fillWidth: true
        label: qsTr("Targets")
        problem: root.problems.targets ?? ""

        ColumnLayout {
            Layout.fillWidth: true
            spacing: Theme.gapXs

            Repeater {
                model: targets

                delegate: RowLayout {
                    id: target

                    required property int index
                    required property string backend
                    required property string model
                    required property string weight

                    Layout.fillWidth: true
                    spacing: Theme.gapS

                    ReorderHandle {
                        objectName: "dialogHandle"
                        enabled: targets.count > 1
                        name: qsTr("%1, %2 of %3").arg(target.backend).arg(target.index + 1).arg(targets.count)
                        onMoveRequested: by => root.moveTarget(target.index, target.index + by)
                        onDragEnded: dy => root.moveTarget(target.index, Math.max(0, Math.min(targets.count - 1, Math.round(target.index + dy / (target.height + Theme.gapXs)))))
                    }
                    ComboBox {
                        Layout.preferredWidth: 180
                        objectName: "targetBackend"
                        name: qsTr("Backend of target %1").arg(target.index + 1)
                        model: App.backends.names
                        currentIndex: model.indexOf(target.backend)
                        displayText: target.backend
                        onActivated: index => root.setTarget(target.index, "backend", model[index])
                    }
                    TextField {
                        Layout.fillWidth: true
                        objectName: "targetModel"
                        mono: true
                        name: qsTr("Model of target %1").arg(target.index + 1)
                        placeholderText: nameField.text !== "" ? nameField.text : qsTr("as the backend calls it")
                        text: target.model
                        onTextEdited: root.setTarget(target.index, "model", text)
                    }
                    TextField {
                        id: weightField

                        Layout.preferredWidth: 72
                        objectName: "targetWeight"
                        mono: true
                        name: qsTr("Weight of target %1").arg(target.index + 1)
                        placeholderText: "1"
                        problem: (root.problems["weight" + target.index] ?? "") !== ""
                        text: target.weight
                        onTextEdited: root.setTarget(target.index, "weight", text)

                        Tooltip {
                            visible: weightField.hovered
                            text: qsTr("Weight: the share among the others; 0 only when no other is left")
                        }
                    }
                    IconButton {
                        iconName: "x"
                        enabled: targets.count > 1
                        text: qsTr("Take out target %1").arg(target.index + 1)
                        onClicked: {
                            targets.remove(target.index);
                            root.edits += 1;
                        }
                    }
                }
            }
            Button {
                objectName: "addTarget"
                compact: true
                iconName: "plus"
                text: qsTr("Add a target")
                onClicked: root.addTarget()
            }
        }
    }
    GridLayout {
        Layout.fillWidth: true
        columns: 2
        columnSpacing: Theme.gapM
        rowSpacing: Theme.gapM

        Field {
            Layout.fillWidth: true
            Layout.preferredWidth: 1
            Layout.alignment: Qt.AlignTop
            label: qsTr("Also called")
            hint: qsTr("Names or patterns, separated by commas.")

            TextField {
                id: aliasesField

                Layout.fillWidth: true
                objectName: "aliasesField"
                mono: true
                name: qsTr("Aliases")
                placeholderText: "default, chat-*"
            }
        }
        Field {
            Layout.fillWidth: true
            Layout.preferredWidth: 1
            Layout.alignment: Qt.AlignTop
            label: qsTr("When no target can answer")
            hint: qsTr("Models to try then, in this order.")

            TextField {
                id: fallbacksField

                Layout.fillWidth: true
                objectName: "fallbacksField"
                mono: true
                name: qsTr("Fallbacks")
                placeholderText: qsTr("none")
            }
        }
        Field {
            Layout.fillWidth: true
            Layout.preferredWidth: 1
            Layout.alignment: Qt.AlignTop
            label: qsTr("Kept together by")
            hint: qsTr("Such requests go to the same target, whose cache knows them.")

            ComboBox {
                id: affinityBox

                Layout.fillWidth: true
                name: qsTr("Affinity")
                model: root.affinities
                textRole: "text"
                valueRole: "value"
            }
        }
        Field {
            Layout.fillWidth: true
            Layout.preferredWidth: 1
            Layout.alignment: Qt.AlignTop
            visible: affinityBox.currentValue === "header"
            label: qsTr("Header")
            problem: root.problems.affinityHeader ?? ""

            TextField {
                id: headerField

                Layout.fillWidth: true
                mono: true
                name: qsTr("Header for affinity")
                placeholderText: "x-session-id"
                problem: (root.problems.affinityHeader ?? "") !== ""
            }
        }
        Item {
            Layout.fillWidth: true
            Layout.preferredWidth: 1
            visible: affinityBox.currentValue !== "header"
        }
        Field {
            Layout.fillWidth: true
            Layout.preferredWidth: 1
            Layout.alignment: Qt.AlignTop
            label: qsTr("Second try")
            hint: qsTr("A late answer is also asked for elsewhere. Both may cost.")

            Checkbox {
                id: hedgeBox

                objectName: "hedgeBox"
                text: qsTr("Hedge late requests")
            }
        }
        Field {
            Layout.fillWidth: true
            Layout.preferredWidth: 1
            Layout.alignment: Qt.AlignTop
            enabled: hedgeBox.checked
            label: qsTr("After, milliseconds")
            problem: root.problems.hedgeAfter ?? ""

            TextField {
                id: hedgeField

                Layout.fillWidth: true
                mono: true
                name: qsTr("Hedge after milliseconds")
                placeholderText: qsTr("when it is unusually late")
                problem: (root.problems.hedgeAfter ?? "") !== ""
            }
        }
        Field {
            Layout.fillWidth: true
            Layout.preferredWidth: 1
            Layout.alignment: Qt.AlignTop
            label: qsTr("Mirror to")
            hint: qsTr("Gets copies for comparison; nobody sees its answers, but they cost.")

            ComboBox {
                id: mirrorBox

                Layout.fillWidth: true
                name: qsTr("Backend that gets copies")
                model: root.noMirror.concat(Array.from(App.backends.names))
            }
        }
        RowLayout {
            Layout.fillWidth: true
            Layout.preferredWidth: 1
            Layout.alignment: Qt.AlignTop
            enabled: mirrorBox.currentIndex > 0
            spacing: Theme.gapS

            Field {
                Layout.fillWidth: true
                label: qsTr("As model")

                TextField {
                    id: mirrorModelField

                    Layout.fillWidth: true
                    mono: true
                    name: qsTr("Model of the mirror")
                    placeholderText: nameField.text
                }
            }
            Field {
                Layout.preferredWidth: 88
                Layout.fillWidth: false
                label: qsTr("Percent")
                problem: root.problems.mirrorPercent ?? ""

                TextField {
                    id: mirrorPercentField

                    Layout.fillWidth: true
                    mono: true
                    name: qsTr("Percent of the requests that are mirrored")
                    placeholderText: "100"
                    problem: (root.problems.mirrorPercent ?? "") !== ""
                }
            }
        }
    }
    ResultLine {
        Layout.fillWidth: true
        ok: false
        text: root.problem
    }
    buttons: [
        Item {
            Layout.fillWidth: true
        },
        Button {
            text: qsTr("Cancel")
            kind: Button.Ghost
            onClicked: root.close()
        },
        Button {
            objectName: "saveModel"
            text: root.adding ? qsTr("Add") : qsTr("Save")
            kind: Button.Primary
            enabled: root.complete && !App.models.busy
            onClicked: root.save()
        }
    ]

    Connections {
        target: App.models
        enabled: root.visible

        function onSaved() {
            root.close();
        }
        function onFailed(message) {
            root.problem = message;
        }
    }
}
