// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate

/// Text of the panel. Plain text only: names and messages come from the outside.
Text {
    property bool mono: false
    property bool muted: false
    property bool strong: false

    color: muted ? Theme.colors.muted : Theme.colors.text
    font.family: mono ? Theme.mono : Theme.sans
    font.pixelSize: Theme.body
    // No ligatures: ">=" and "://" are to be read as typed.
    font.preferShaping: !mono
    font.weight: strong ? Theme.strong : Theme.regular
    textFormat: Text.PlainText
    renderType: Text.NativeRendering
    verticalAlignment: Text.AlignVCenter
}
