// SPDX-License-Identifier: GPL-3.0-or-later

// bench_panel: the whole program for tests/bench/panel.mjs, told what to do by lines on stdin, each
// answered by one line of JSON:
//
//   show PAGE   shows the window with that page
//   hide        hides the window
//   measure     begins to measure
//   report      stalled_ms, frames and rows since then

#include "tests/panel/panelprogram.h"
#include "tests/panel/stallwatch.h"

#include <QApplication>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSocketNotifier>

#include <cstdio>
#include <unistd.h>

using namespace tidegate;

namespace {

void answer(const QJsonObject &object)
{
    std::printf("%s\n", QJsonDocument(object).toJson(QJsonDocument::Compact).constData());
    std::fflush(stdout);
}

} // namespace

int main(int argc, char *argv[])
{
    QApplication application(argc, argv);
    PanelProgram::prepare();
    const QStringList arguments = QCoreApplication::arguments();
    if (arguments.size() != 3) {
        std::fputs("Usage: bench_panel DATA_DIR CONFIG_FILE\n", stderr);
        return 2;
    }
    GatewayOptions options;
    options.dataDir = arguments[1];
    options.configFile = arguments[2];
    PanelProgram panel(options);
    if (!panel.start()) {
        return 1;
    }
    int frames = 0;
    QObject::connect(&panel.window(), &QQuickWindow::frameSwapped, &panel.window(),
                     [&frames] { ++frames; });
    StallWatch watch;
    double rowsBefore = 0;
    const auto rows = [&panel] { return double(panel.app().live()->countAll()); };

    QSocketNotifier orders(STDIN_FILENO, QSocketNotifier::Read);
    QFile input;
    if (!input.open(STDIN_FILENO, QIODevice::ReadOnly | QIODevice::Unbuffered)) {
        return 1;
    }
    QObject::connect(&orders, &QSocketNotifier::activated, &panel.window(), [&] {
        const QStringList order = QString::fromUtf8(input.readLine()).simplified().split(u' ');
        if (order.first() == QStringLiteral("show")) {
            panel.app().showWindow(order.value(1));
        } else if (order.first() == QStringLiteral("hide")) {
            panel.window().hide();
        } else if (order.first() == QStringLiteral("measure")) {
            watch.restart();
            frames = 0;
            rowsBefore = rows();
        } else if (order.first() != QStringLiteral("report")) {
            QCoreApplication::exit(0); // also at the end of the orders
            return;
        }
        answer({{QStringLiteral("stalled_ms"), watch.longestMs()},
                {QStringLiteral("frames"), frames},
                {QStringLiteral("rows"), rows() - rowsBefore},
                {QStringLiteral("dropped"), panel.app().live()->dropped()}});
    });
    answer({{QStringLiteral("port"), panel.link().port()}});
    const int result = QCoreApplication::exec();
    panel.gateway().stopNow();
    return result;
}
