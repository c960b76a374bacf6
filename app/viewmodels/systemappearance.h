// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDBusVariant>
#include <QObject>

namespace tidegate {

/// Whether the desktop prefers dark.
///
/// Lives in the GUI thread; owned by AppSettings. Asks the settings portal over D-Bus, which works
/// on all Qt versions and desktops, then Qt, then the palette.
class SystemAppearance : public QObject
{
    Q_OBJECT

public:
    explicit SystemAppearance(QObject *parent = nullptr);

    [[nodiscard]] bool isDark() const;

Q_SIGNALS:
    void changed();

private Q_SLOTS:
    void onPortalSetting(const QString &group, const QString &key, const QDBusVariant &value);

private:
    /// The portal's color-scheme.
    enum class Scheme
    {
        NoPreference,
        Dark,
        Light,
        Unknown
    };

    void setScheme(uint value);

    Scheme m_scheme = Scheme::Unknown;
};

} // namespace tidegate
