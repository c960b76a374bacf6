// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate
import Tidegate.App

/// The gateway's state as icon, word and colour.
Pill {
    required property int gatewayState

    iconName: {
        switch (gatewayState) {
        case GatewayStatus.State.Running:
            return "circle-check";
        case GatewayStatus.State.Paused:
            return "circle-pause";
        case GatewayStatus.State.Failed:
            return "circle-alert";
        default:
            return "circle-dashed";
        }
    }
    tone: {
        switch (gatewayState) {
        case GatewayStatus.State.Running:
            return Pill.Good;
        case GatewayStatus.State.Failed:
            return Pill.Bad;
        case GatewayStatus.State.Paused:
        case GatewayStatus.State.Draining:
            return Pill.Warn;
        default:
            return Pill.Neutral;
        }
    }
}
