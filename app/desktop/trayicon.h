// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/desktop/traycontroller.h"
#include "app/viewmodels/appsettings.h"

#include <QMenu>
#include <QObject>
#include <QSystemTrayIcon>
#include <QTimer>

#include <memory>
#include <optional>
#include <utility>

namespace tidegate {

/// Shows a TrayController in the desktop's tray, whenever there is one.
///
/// Lives in the GUI thread, owned by the program.
class TrayIcon : public QObject
{
    Q_OBJECT

public:
    explicit TrayIcon(TrayController &controller, QObject *parent = nullptr);
    ~TrayIcon() override;

    [[nodiscard]] bool isShown() const { return m_icon != nullptr; }

Q_SIGNALS:
    /// A tray came or went, e.g. because the desktop's panel was restarted.
    void shownChanged(bool shown);

private:
    void look();
    void update();
    void fill(QMenu &menu, const QList<TrayItem> &items);

    TrayController &m_controller;
    QMenu m_menu;
    QList<TrayItem> m_items; ///< what m_menu shows
    std::unique_ptr<QSystemTrayIcon> m_icon;
    /// What m_icon shows.
    std::optional<std::pair<TrayController::Icon, AppSettings::TrayStyle>> m_picture;
    QTimer m_lookout;
};

} // namespace tidegate
