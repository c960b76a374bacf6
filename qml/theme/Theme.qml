// SPDX-License-Identifier: GPL-3.0-or-later
pragma Singleton

import QtQuick

/// Every colour, size, font and duration of the panel. Nothing else in qml/ spells one out.
QtObject {
    id: root

    component ColorSet: QtObject {
        required property color window
        required property color surface
        required property color raised
        required property color border
        required property color text
        required property color muted
        required property color accent
        required property color inkOnAccent
        required property color good
        required property color warn
        required property color bad
        required property color info
        required property color inkOnState
        required property color hover
        required property color pressed
        required property color selection
        required property color accentTint
        required property color goodTint
        required property color warnTint
        required property color badTint
        required property color infoTint
        required property color scrim
    }

    /// Written by the shell from the settings.
    property bool dark: true
    property bool reducedMotion: false

    readonly property ColorSet colors: dark ? darkColors : lightColors

    readonly property ColorSet darkColors: ColorSet {
        window: "#0F1419"
        surface: "#161C23"
        raised: "#1D252E"
        border: "#2A3440"
        text: "#E6EDF3"
        muted: "#93A1AF"
        accent: "#2EC4B6"
        inkOnAccent: "#0B1216"
        good: "#3FB950"
        warn: "#D29922"
        bad: "#F85149"
        info: "#58A6FF"
        inkOnState: "#0B1216"
        hover: "#222B35"
        pressed: "#2A3440"
        selection: "#17353A"
        accentTint: "#14302F"
        goodTint: "#14281C"
        warnTint: "#2B2416"
        badTint: "#2F1A1D"
        infoTint: "#152638"
        scrim: "#B3070A0D"
    }

    readonly property ColorSet lightColors: ColorSet {
        window: "#F6F8FA"
        surface: "#FFFFFF"
        raised: "#FFFFFF"
        border: "#D8DEE4"
        text: "#1F2328"
        muted: "#59636E"
        accent: "#0B7A6F"
        inkOnAccent: "#FFFFFF"
        good: "#1A7F37"
        warn: "#8A5C00"
        bad: "#CF222E"
        info: "#0969DA"
        inkOnState: "#FFFFFF"
        hover: "#EEF1F4"
        pressed: "#E2E7EC"
        selection: "#DDF1EE"
        accentTint: "#E6F5F2"
        goodTint: "#EAF6ED"
        warnTint: "#FBF4E2"
        badTint: "#FDF0F0"
        infoTint: "#EAF3FD"
        scrim: "#66101418"
    }

    // Charts: the eight of Okabe and Ito, always in this order; the last is for "others" and is
    // black in the original, which the dark theme cannot show.
    readonly property var series: ["#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", dark ? "#8B98A5" : "#000000"]

    // Type: two families, two weights, seven sizes in pixels.
    readonly property FontLoader sansRegular: FontLoader { source: "qrc:/tidegate/fonts/Inter-Regular.otf" }
    readonly property FontLoader sansStrong: FontLoader { source: "qrc:/tidegate/fonts/Inter-SemiBold.otf" }
    readonly property FontLoader monoRegular: FontLoader { source: "qrc:/tidegate/fonts/JetBrainsMono-Regular.ttf" }
    readonly property FontLoader monoStrong: FontLoader { source: "qrc:/tidegate/fonts/JetBrainsMono-SemiBold.ttf" }
    readonly property string sans: sansRegular.font.family
    readonly property string mono: monoRegular.font.family
    readonly property int regular: Font.Normal
    readonly property int strong: Font.DemiBold
    readonly property int caption: 11
    readonly property int small: 12
    readonly property int body: 13
    readonly property int lead: 15
    readonly property int title: 18
    readonly property int display: 24
    readonly property int hero: 32

    // Space: the 4 px grid.
    readonly property int unit: 4
    readonly property int gapXs: 4
    readonly property int gapS: 8
    readonly property int gapM: 12
    readonly property int gapL: 16
    readonly property int gapXl: 24
    readonly property int gapXxl: 32

    // Shape.
    readonly property int rowHeight: 32
    readonly property int compactRowHeight: 26
    readonly property int controlHeight: 32
    readonly property int smallControlHeight: 26
    readonly property int target: 24
    readonly property int radius: 6
    readonly property int smallRadius: 4
    readonly property int cardRadius: 10
    readonly property int hairline: 1
    readonly property int focusWidth: 2
    readonly property int icon: 16
    readonly property int bigIcon: 20

    // Motion in milliseconds.
    readonly property int duration: reducedMotion ? 0 : 200
    readonly property int shortDuration: reducedMotion ? 0 : 100
    readonly property int pulseDuration: 1200
    readonly property int tooltipDelay: 500
    readonly property int flashDuration: 1500
    readonly property int toastDuration: 4000
    readonly property int undoDuration: 8000
}
