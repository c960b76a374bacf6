// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desktop/screenshot.h"

#include <QCoreApplication>
#include <QQuickWindow>

#include <cstdio>
#include <utility>

namespace tidegate {

namespace {

constexpr int kIntervalMs = 80;
constexpr int kMaxLooks = 200;
constexpr int kSameNeeded = 3;

} // namespace

Screenshot::Screenshot(QQuickWindow &window, QString file, QObject *parent)
    : QObject(parent)
    , m_window(window)
    , m_file(std::move(file))
{
    m_timer.setInterval(kIntervalMs);
    connect(&m_timer, &QTimer::timeout, this, &Screenshot::look);
    m_timer.start();
}

void Screenshot::look()
{
    // Pages load and pictures decode in their own time; a few equal frames mean that all is there.
    const QImage image = m_window.grabWindow();
    m_same = !image.isNull() && image == m_last ? m_same + 1 : 0;
    m_last = image;
    if (m_same < kSameNeeded && ++m_looks < kMaxLooks) {
        return;
    }
    m_timer.stop();
    if (m_same >= kSameNeeded && m_last.save(m_file)) {
        QCoreApplication::exit(0);
        return;
    }
    const QString why = m_same < kSameNeeded ? tr("the window never stood still")
                                             : tr("%1 cannot be written").arg(m_file);
    std::fprintf(stderr, "tidegate: %s\n", qPrintable(tr("No screenshot: %1.").arg(why)));
    QCoreApplication::exit(1);
}

} // namespace tidegate
