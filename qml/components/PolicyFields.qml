// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import QtQuick.Layouts
import Tidegate

/// Limits and a budget, of a key or a team: part of a form.
ColumnLayout {
    id: root

    /// What is wrong, by field.
    required property var problems

    readonly property var periods: [
        {value: "hour", text: qsTr("an hour")},
        {value: "day", text: qsTr("a day")},
        {value: "week", text: qsTr("a week")},
        {value: "month", text: qsTr("a month")},
        {value: "total", text: qsTr("in total")}
    ]
    /// The form's values; whoever shows this looks at them again when `edited` comes.
    readonly property var values: ({
            requestsPerMinute: requests.text,
            tokensPerMinute: tokens.text,
            tokensPerDay: day.text,
            maxConcurrency: concurrency.text,
            budgetUsd: usd.text,
            budgetPeriod: periods[Math.max(0, period.currentIndex)].value,
            budgetTimezone: zone.text,
            budgetShadow: shadow.checked
        })

    function load(form: var) {
        requests.text = form.requestsPerMinute;
        tokens.text = form.tokensPerMinute;
        day.text = form.tokensPerDay;
        concurrency.text = form.maxConcurrency;
        usd.text = form.budgetUsd;
        period.currentIndex = periods.findIndex(entry => entry.value === form.budgetPeriod);
        zone.text = form.budgetTimezone;
        shadow.checked = form.budgetShadow;
    }

    spacing: Theme.gapM

    component NumberField: Field {
        id: numberField

        required property string fieldName
        property alias text: input.text

        Layout.fillWidth: true
        Layout.preferredWidth: 1
        Layout.alignment: Qt.AlignTop
        problem: root.problems[fieldName] ?? ""

        TextField {
            id: input

            Layout.fillWidth: true
            objectName: numberField.fieldName
            mono: true
            name: numberField.label
            //: In an empty field for a limit
            placeholderText: qsTr("no limit")
            problem: numberField.problem !== ""
            inputMethodHints: Qt.ImhDigitsOnly
        }
    }

    Label {
        text: qsTr("Limits")
        strong: true
        Accessible.role: Accessible.Heading
        Accessible.name: text
    }
    GridLayout {
        Layout.fillWidth: true
        columns: 2
        columnSpacing: Theme.gapM
        rowSpacing: Theme.gapM

        NumberField {
            id: requests

            fieldName: "requestsPerMinute"
            label: qsTr("Requests a minute")
        }
        NumberField {
            id: concurrency

            fieldName: "maxConcurrency"
            label: qsTr("Requests at once")
        }
        NumberField {
            id: tokens

            fieldName: "tokensPerMinute"
            label: qsTr("Tokens a minute")
        }
        NumberField {
            id: day

            fieldName: "tokensPerDay"
            label: qsTr("Tokens a day")
        }
    }
    Label {
        Layout.topMargin: Theme.gapXs
        text: qsTr("Budget")
        strong: true
        Accessible.role: Accessible.Heading
        Accessible.name: text
    }
    GridLayout {
        Layout.fillWidth: true
        columns: 3
        columnSpacing: Theme.gapM

        Field {
            Layout.fillWidth: true
            Layout.preferredWidth: 1
            Layout.alignment: Qt.AlignTop
            label: qsTr("US dollars")
            problem: root.problems.budgetUsd ?? ""

            TextField {
                id: usd

                Layout.fillWidth: true
                objectName: "budgetUsd"
                mono: true
                name: qsTr("Budget in US dollars")
                placeholderText: qsTr("no budget")
                problem: (root.problems.budgetUsd ?? "") !== ""
                inputMethodHints: Qt.ImhFormattedNumbersOnly
            }
        }
        Field {
            Layout.fillWidth: true
            Layout.preferredWidth: 1
            Layout.alignment: Qt.AlignTop
            label: qsTr("For")

            ComboBox {
                id: period

                Layout.fillWidth: true
                enabled: usd.text !== ""
                name: qsTr("Period of the budget")
                model: root.periods
                textRole: "text"
                valueRole: "value"
            }
        }
        Field {
            Layout.fillWidth: true
            Layout.preferredWidth: 1.2
            Layout.alignment: Qt.AlignTop
            label: qsTr("Time zone")
            problem: root.problems.budgetTimezone ?? ""

            TextField {
                id: zone

                Layout.fillWidth: true
                enabled: usd.text !== ""
                name: qsTr("Time zone of the budget")
                placeholderText: "UTC"
                problem: (root.problems.budgetTimezone ?? "") !== ""
            }
        }
    }
    Checkbox {
        id: shadow

        objectName: "budgetShadow"
        enabled: usd.text !== ""
        text: qsTr("Only report when it is spent, refuse nothing")
    }
}
