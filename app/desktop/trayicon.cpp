// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desktop/trayicon.h"

#include "app/desktop/traypicture.h"

#include <QAction>

namespace tidegate {

namespace {

/// At login the panel of the desktop often comes after us; there is no signal for it.
constexpr int kLookoutMs = 2'000;

} // namespace

TrayIcon::TrayIcon(TrayController &controller, QObject *parent)
    : QObject(parent)
    , m_controller(controller)
{
    connect(&controller, &TrayController::changed, this, &TrayIcon::update);
    connect(&controller, &TrayController::notify, this,
            [this](const QString &title, const QString &text) {
                if (m_icon) {
                    m_icon->showMessage(title, text, m_icon->icon());
                }
            });
    connect(&m_menu, &QMenu::aboutToShow, this, &TrayIcon::update);
    m_lookout.setInterval(kLookoutMs);
    connect(&m_lookout, &QTimer::timeout, this, &TrayIcon::look);
    m_lookout.start();
    look();
}

TrayIcon::~TrayIcon() = default;

void TrayIcon::look()
{
    const bool available = QSystemTrayIcon::isSystemTrayAvailable();
    if (available == isShown()) {
        return;
    }
    if (available) {
        m_icon = std::make_unique<QSystemTrayIcon>();
        m_picture.reset();
        m_icon->setContextMenu(&m_menu);
        connect(m_icon.get(), &QSystemTrayIcon::activated, this,
                [this](QSystemTrayIcon::ActivationReason reason) {
                    if (reason == QSystemTrayIcon::Trigger ||
                        reason == QSystemTrayIcon::DoubleClick) {
                        m_controller.activate();
                    }
                });
        connect(m_icon.get(), &QSystemTrayIcon::messageClicked, &m_controller,
                &TrayController::activate);
        update();
        m_icon->show();
    } else {
        m_icon.reset();
    }
    Q_EMIT shownChanged(available);
}

void TrayIcon::update()
{
    if (!m_icon) {
        return;
    }
    const auto picture = std::pair(m_controller.icon(), m_controller.style());
    if (m_picture != picture) {
        m_picture = picture;
        m_icon->setIcon(trayPicture(picture.first, picture.second));
    }
    m_icon->setToolTip(m_controller.toolTip());
    QList<TrayItem> items = m_controller.menu();
    // A rebuilt menu closes its open submenus on some desktops.
    if (items != m_items) {
        m_items = std::move(items);
        // clear() takes the actions, but not the submenus that they open.
        const auto submenus = m_menu.findChildren<QMenu *>(QString(), Qt::FindDirectChildrenOnly);
        m_menu.clear();
        for (QMenu *submenu : submenus) {
            submenu->deleteLater();
        }
        fill(m_menu, m_items);
    }
}

void TrayIcon::fill(QMenu &menu, const QList<TrayItem> &items)
{
    for (const TrayItem &item : items) {
        if (item.separator) {
            menu.addSeparator();
            continue;
        }
        // An ampersand would become a shortcut.
        const QString text = QString(item.text).replace(u'&', QStringLiteral("&&"));
        if (item.id.isEmpty()) {
            QMenu *submenu = menu.addMenu(text);
            submenu->setEnabled(item.enabled);
            fill(*submenu, item.children);
            continue;
        }
        QAction *action = menu.addAction(text);
        action->setEnabled(item.enabled);
        action->setCheckable(item.checkable);
        action->setChecked(item.checked);
        // Queued: what is triggered may rebuild the menu that the action is in.
        connect(
            action, &QAction::triggered, &m_controller,
            [this, id = item.id] { m_controller.trigger(id); }, Qt::QueuedConnection);
    }
}

} // namespace tidegate
