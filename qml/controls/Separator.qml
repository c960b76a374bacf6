// SPDX-License-Identifier: GPL-3.0-or-later
import QtQuick
import Tidegate

/// A one-pixel line, horizontal unless told.
Rectangle {
    property bool vertical: false

    implicitWidth: Theme.hairline
    implicitHeight: Theme.hairline
    color: Theme.colors.border
}
