// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QImage>
#include <QObject>
#include <QString>
#include <QTimer>

class QQuickWindow;

namespace tidegate {

/// Saves a picture of a window as soon as it stands still, then ends the program.
///
/// Lives in the GUI thread, owned by main(). Exit code 0, or 1 when there is nothing to save.
class Screenshot : public QObject
{
    Q_OBJECT

public:
    Screenshot(QQuickWindow &window, QString file, QObject *parent = nullptr);

private:
    void look();

    QQuickWindow &m_window;
    QString m_file;
    QImage m_last;
    int m_same = 0;
    int m_looks = 0;
    QTimer m_timer;
};

} // namespace tidegate
