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
    readonly property var algorithms: [
        {value: "token_bucket", text: qsTr("Refill evenly; a pause saves up for a burst")},
        {value: "sliding_window", text: qsTr("Never more than that within any 60 seconds")}
    ]
    readonly property bool perMinute: requests.text !== "" || tokens.text !== ""
    /// The form's values; whoever shows this looks at them again when `edited` comes.
    readonly property var values: ({
            requestsPerMinute: requests.text,
            tokensPerMinute: tokens.text,
            tokensPerDay: day.text,
            maxConcurrency: concurrency.text,
            algorithm: algorithms[Math.max(0, algorithm.currentIndex)].value,
            budgetUsd: usd.text,
            budgetPeriod: periods[Math.max(0, period.currentIndex)].value,
            budgetTimezone: zone.text,
            budgetSoftPercent: soft.text,
            budgetShadow: shadow.checked
        })

    function load(form: var) {
        requests.text = form.requestsPerMinute;
        tokens.text = form.tokensPerMinute;
        day.text = form.tokensPerDay;
        concurrency.text = form.maxConcurrency;
        algorithm.currentIndex = algorithms.findIndex(entry => entry.value === form.algorithm);
        usd.text = form.budgetUsd;
        period.currentIndex = periods.findIndex(entry => entry.value === form.budgetPeriod);
        zone.text = form.budgetTimezone;
        soft.text = form.budgetSoftPercent;
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
    Field {
        Layout.fillWidth: true
        label: qsTr("How a minute is counted")

        ComboBox {
            id: algorithm

            Layout.fillWidth: true
            objectName: "limitAlgorithm"
            enabled: root.perMinute
            name: qsTr("How a minute is counted")
            model: root.algorithms
            textRole: "text"
            valueRole: "value"
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
        columns: 4
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
        Field {
            Layout.fillWidth: true
            Layout.preferredWidth: 0.9
            Layout.alignment: Qt.AlignTop
            label: qsTr("Warn at, %")
            problem: root.problems.budgetSoftPercent ?? ""

            TextField {
                id: soft

                Layout.fillWidth: true
                objectName: "budgetSoftPercent"
                enabled: usd.text !== ""
                mono: true
                name: qsTr("Share of the budget at which to warn, in percent")
                placeholderText: "80"
                problem: (root.problems.budgetSoftPercent ?? "") !== ""
                inputMethodHints: Qt.ImhDigitsOnly
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
