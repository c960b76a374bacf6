// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate
import Tidegate.App

/// How a backend is doing, as icon, word and colour.
Pill {
    required property int condition

    iconName: {
        switch (condition) {
        case BackendsModel.Condition.Healthy:
            return "circle-check";
        case BackendsModel.Condition.Open:
            return "octagon-x";
        case BackendsModel.Condition.Unhealthy:
        case BackendsModel.Condition.Broken:
            return "circle-alert";
        case BackendsModel.Condition.NoKey:
        case BackendsModel.Condition.Unconfirmed:
            return "triangle-alert";
        case BackendsModel.Condition.Draining:
            return "circle-pause";
        case BackendsModel.Condition.Cooling:
            return "timer";
        case BackendsModel.Condition.Stopped:
            return "power";
        case BackendsModel.Condition.Unknown:
            return "circle-help";
        default:
            return "circle-dashed";
        }
    }
    tone: {
        switch (condition) {
        case BackendsModel.Condition.Healthy:
            return Pill.Good;
        case BackendsModel.Condition.Open:
        case BackendsModel.Condition.Unhealthy:
        case BackendsModel.Condition.Broken:
            return Pill.Bad;
        case BackendsModel.Condition.NoKey:
        case BackendsModel.Condition.Unconfirmed:
        case BackendsModel.Condition.Draining:
        case BackendsModel.Condition.Cooling:
        case BackendsModel.Condition.Probing:
            return Pill.Warn;
        case BackendsModel.Condition.Loading:
        case BackendsModel.Condition.Starting:
        case BackendsModel.Condition.Stopping:
            return Pill.Info;
        default:
            return Pill.Neutral;
        }
    }
}
