// SPDX-License-Identifier: GPL-3.0-or-later

// tst_panel: the Quick Test program of the panel. `tst_panel -input FILE.qml` runs one file.

#include "tests/qml/panelbench.h"

#include <QApplication>
#include <QtQml/QQmlExtensionPlugin>
#include <QtQuickTest/quicktest.h>

Q_IMPORT_QML_PLUGIN(TidegatePlugin)
Q_IMPORT_QML_PLUGIN(Tidegate_AppPlugin)

int main(int argc, char **argv)
{
    // Before Quick Test makes a QGuiApplication: Qt Charts needs the one with widgets.
    const QApplication application(argc, argv);
    QTEST_SET_MAIN_SOURCE_PATH
    tidegate::PanelBench bench;
    return quick_test_main_with_setup(argc, argv, "panel", QUICK_TEST_SOURCE_DIR, &bench);
}
