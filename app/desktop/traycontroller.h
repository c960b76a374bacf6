// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/viewmodels/appsettings.h"

#include <QList>
#include <QObject>
#include <QString>
#include <QTimer>

namespace tidegate {

class AppController;

/// One line of the tray menu.
struct TrayItem
{
    QString id; ///< for TrayController::trigger(); empty: separator or submenu
    QString text;
    bool enabled = true;
    bool checkable = false;
    bool checked = false;
    bool separator = false;
    QList<TrayItem> children;

    /// Not defaulted: the list of children would be compared before the type is complete.
    friend bool operator==(const TrayItem &a, const TrayItem &b);
};

/// What the tray shows and does, without a tray.
///
/// Lives in the GUI thread, owned by the program. TrayIcon shows it.
class TrayController : public QObject
{
    Q_OBJECT

public:
    enum class Icon
    {
        Plain,
        Paused,
        Error
    };

    explicit TrayController(AppController &app, QObject *parent = nullptr);

    [[nodiscard]] QList<TrayItem> menu() const;
    [[nodiscard]] Icon icon() const;
    [[nodiscard]] AppSettings::TrayStyle style() const;
    /// Two lines.
    [[nodiscard]] QString toolTip() const;
    void trigger(const QString &id);
    /// The icon itself was clicked.
    void activate();

Q_SIGNALS:
    /// Menu, icon or tool tip changed; at most once a second for mere activity.
    void changed();
    /// A message for the desktop's notification area.
    void notify(const QString &title, const QString &text);

private:
    [[nodiscard]] QString statusLine() const;
    [[nodiscard]] QString todayLine() const;
    [[nodiscard]] QList<TrayItem> snippetItems() const;
    [[nodiscard]] QList<TrayItem> backendItems() const;
    [[nodiscard]] QList<TrayItem> errorItems() const;
    [[nodiscard]] TrayItem quitItem() const;
    void explainTray();

    AppController &m_app;
    QTimer m_throttle;
};

} // namespace tidegate
