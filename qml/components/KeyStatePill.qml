// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate
import Tidegate.App

/// Where a backend's key stands.
Pill {
    required property int keyState

    iconName: {
        switch (keyState) {
        case BackendsModel.KeyState.Ready:
            return "key-round";
        case BackendsModel.KeyState.Pending:
            return "circle-dashed";
        case BackendsModel.KeyState.Locked:
            return "lock";
        default:
            return "triangle-alert";
        }
    }
    tone: {
        switch (keyState) {
        case BackendsModel.KeyState.Ready:
            return Pill.Good;
        case BackendsModel.KeyState.Pending:
            return Pill.Neutral;
        default:
            return Pill.Warn;
        }
    }
}
