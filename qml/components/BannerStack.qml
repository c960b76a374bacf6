// SPDX-License-Identifier: GPL-3.0-or-later
pragma ComponentBehavior: Bound

import QtQuick
import Tidegate
import Tidegate.App

/// The banners below the header, the gravest first; at most three at a time.
Column {
    id: root

    Repeater {
        model: App.banners

        delegate: Banner {
            required property string bannerId
            required property int severity
            required property int index

            width: root.width
            visible: index < 3
            tone: severity === BannerModel.Severity.Error ? Pill.Bad : severity === BannerModel.Severity.Warning ? Pill.Warn : Pill.Info
            onTriggered: App.banners.trigger(bannerId)
            onDismissed: App.banners.dismiss(bannerId)
        }
    }
}
