// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import QtCharts
import Tidegate
import Tidegate.App

/// Response times over time: the fastest half, 95 % and 99 % of the requests. The lines differ in
/// their dashes too.
PlotArea {
    id: root

    readonly property UsageModel usage: App.usage

    function fill() {
        ChartFeed.setLine(half, usage.p50);
        ChartFeed.setLine(most, usage.p95);
        ChartFeed.setLine(nearlyAll, usage.p99);
    }

    valueTicks: usage.latencyTicks
    timeTicks: usage.timeTicks
    stepCount: usage.stepCount
    summary: usage.latencySummary
    details: usage.latencyAt(current)

    Component.onCompleted: fill()

    ChartView {
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
        antialiasing: true

        ValuesAxis {
            id: timeAxis

            visible: false
            min: -0.5
            max: Math.max(1, root.stepCount) - 0.5
        }
        ValuesAxis {
            id: valueAxis

            visible: false
            min: 0
            max: root.usage.latencyTop
        }
        LineSeries {
            id: half

            axisX: timeAxis
            axisY: valueAxis
            color: Theme.series[0]
            width: 2
        }
        LineSeries {
            id: most

            axisX: timeAxis
            axisY: valueAxis
            color: Theme.series[1]
            width: 2
            style: Qt.DashLine
        }
        LineSeries {
            id: nearlyAll

            axisX: timeAxis
            axisY: valueAxis
            color: Theme.series[2]
            width: 2
            style: Qt.DotLine
        }
    }
    Connections {
        target: root.usage

        function onChanged() {
            root.fill();
        }
    }
}
