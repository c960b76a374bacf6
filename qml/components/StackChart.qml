// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtCharts
import Tidegate
import Tidegate.App

/// Requests, tokens or cost over time as stacked bars.
PlotArea {
    id: root

    readonly property UsageModel usage: App.usage

    function fill() {
        ChartFeed.setStacks(bars, usage.stacks, Theme.series);
    }

    valueTicks: usage.stackTicks
    timeTicks: usage.timeTicks
    stepCount: usage.stepCount
    summary: usage.stackSummary
    details: usage.stackAt(current)

    Component.onCompleted: fill()

    ChartView {
        id: view

        anchors.fill: parent
        plotArea: Qt.rect(0, 0, width, height)
        margins.left: 0
        margins.right: 0
        margins.top: 0
        margins.bottom: 0
        backgroundColor: "transparent"
        plotAreaColor: "transparent"
        animationOptions: ChartView.NoAnimation
        legend.visible: false
        antialiasing: false

        StackedBarSeries {
            id: bars

            barWidth: root.stepCount > 60 ? 1 : 0.72
            axisX: ValuesAxis {
                visible: false
                min: -0.5
                max: Math.max(1, root.stepCount) - 0.5
            }
            axisY: ValuesAxis {
                visible: false
                min: 0
                max: root.usage.stackTop
            }
        }
    }
    Connections {
        target: root.usage

        function onChanged() {
            root.fill();
        }
    }
    Connections {
        target: Theme

        function onDarkChanged() {
            root.fill();
        }
    }
}
