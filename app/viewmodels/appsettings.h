// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/viewmodels/autostart.h"
#include "app/viewmodels/systemappearance.h"

#include <QObject>
#include <QRect>
#include <QSettings>
#include <QString>
#include <QStringList>
#include <QVariantList>
#include <QtQml/qqmlregistration.h>

namespace tidegate {

class GatewayLink;

/// What the user set: the panel's own settings and the gateway's address.
///
/// Lives in the GUI thread; owned by the program. The panel's settings are kept in a file, the
/// gateway's in its store.
class AppSettings : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("Use App.settings")
    Q_PROPERTY(Theme theme READ theme WRITE setTheme NOTIFY themeChanged FINAL)
    /// What `theme` comes to: the panel is dark.
    Q_PROPERTY(bool dark READ isDark NOTIFY themeChanged FINAL)
    Q_PROPERTY(bool reducedMotion READ reducedMotion WRITE setReducedMotion NOTIFY
                   reducedMotionChanged FINAL)
    Q_PROPERTY(
        bool closeToTray READ closeToTray WRITE setCloseToTray NOTIFY closeToTrayChanged FINAL)
    Q_PROPERTY(
        bool startAtLogin READ startAtLogin WRITE setStartAtLogin NOTIFY startAtLoginChanged FINAL)
    /// The address the gateway listens on, as configured.
    Q_PROPERTY(QString host READ host NOTIFY serverChanged FINAL)
    Q_PROPERTY(int port READ port NOTIFY serverChanged FINAL)
    /// "from config file" or "from environment" when it cannot be changed here, else empty.
    Q_PROPERTY(QString hostOriginText READ hostOriginText NOTIFY serverChanged FINAL)
    Q_PROPERTY(QString portOriginText READ portOriginText NOTIFY serverChanged FINAL)
    /// The gateway can be reached from other machines.
    Q_PROPERTY(bool exposed READ isExposed NOTIFY serverChanged FINAL)
    /// The page that was open last: "live", "backends", "keys", "settings".
    Q_PROPERTY(QString lastPage READ lastPage WRITE setLastPage NOTIFY lastPageChanged FINAL)
    /// Where the window was; null the first time.
    Q_PROPERTY(QRect windowGeometry READ windowGeometry WRITE setWindowGeometry NOTIFY
                   windowGeometryChanged FINAL)
    /// Columns that the user took out of the Live table, by the names of LiveColumns.qml.
    Q_PROPERTY(QStringList hiddenLiveColumns READ hiddenLiveColumns WRITE setHiddenLiveColumns
                   NOTIFY hiddenLiveColumnsChanged FINAL)
    /// Saved filters of the Live page, by name: maps with name, filter, chip (LiveModel.Chip) and
    /// text (what is filtered, for people).
    Q_PROPERTY(QVariantList liveViews READ liveViews NOTIFY liveViewsChanged FINAL)
    Q_PROPERTY(TrayStyle trayStyle READ trayStyle WRITE setTrayStyle NOTIFY trayStyleChanged FINAL)
    Q_PROPERTY(QString version READ version CONSTANT FINAL)
    Q_PROPERTY(QString qtVersion READ qtVersion CONSTANT FINAL)

public:
    enum class Theme
    {
        System,
        Light,
        Dark
    };
    Q_ENUM(Theme)
    enum class TrayStyle
    {
        Colour,
        Light, ///< one light colour, for dark panels
        Dark   ///< one dark colour, for light panels
    };
    Q_ENUM(TrayStyle)

    /// @p file: an INI file; made when something is set.
    AppSettings(GatewayLink &link, const QString &file, Autostart autostart,
                QObject *parent = nullptr);

    [[nodiscard]] Theme theme() const { return m_theme; }
    [[nodiscard]] bool isDark() const;
    [[nodiscard]] bool reducedMotion() const;
    [[nodiscard]] bool closeToTray() const;
    [[nodiscard]] bool startAtLogin() const;
    [[nodiscard]] QString host() const;
    [[nodiscard]] int port() const;
    [[nodiscard]] QString hostOriginText() const;
    [[nodiscard]] QString portOriginText() const;
    [[nodiscard]] bool isExposed() const;
    [[nodiscard]] QString lastPage() const;
    [[nodiscard]] QRect windowGeometry() const;
    [[nodiscard]] QStringList hiddenLiveColumns() const;
    [[nodiscard]] QVariantList liveViews() const;
    [[nodiscard]] TrayStyle trayStyle() const;
    [[nodiscard]] static QString version();
    [[nodiscard]] static QString qtVersion();
    /// The notification about closing to the tray was shown.
    [[nodiscard]] bool trayExplained() const;
    [[nodiscard]] bool setupDone() const;

    void setTheme(Theme theme);
    void setReducedMotion(bool reduced);
    void setCloseToTray(bool close);
    void setStartAtLogin(bool start);
    void setLastPage(const QString &page);
    void setWindowGeometry(const QRect &geometry);
    void setHiddenLiveColumns(const QStringList &columns);
    void setTrayStyle(TrayStyle style);
    void setTrayExplained();
    void setSetupDone();
    /// For this run only, e.g. for a screenshot.
    void overrideTheme(Theme theme);
    void overrideReducedMotion();

    /// Replaces a view of the same name. @p chip: LiveModel.Chip.
    Q_INVOKABLE void saveLiveView(const QString &name, const QString &filter, int chip);
    Q_INVOKABLE void removeLiveView(const QString &name);
    /// Why the gateway could not listen on that port now; empty when it could.
    Q_INVOKABLE QString portProblem(int port) const;
    /// A free port, for a start from `from` upwards; 0 when there is none within 100.
    Q_INVOKABLE int freePort(int from) const;
    /// Changes where the gateway listens. Ends in serverSaved() or serverFailed().
    Q_INVOKABLE void saveServer(const QString &host, int port);
    /// Versions and paths for a bug report; no secrets.
    Q_INVOKABLE QString diagnostics() const;

Q_SIGNALS:
    void themeChanged();
    void reducedMotionChanged();
    void closeToTrayChanged();
    void startAtLoginChanged();
    void serverChanged();
    void lastPageChanged();
    void windowGeometryChanged();
    void hiddenLiveColumnsChanged();
    void liveViewsChanged();
    void trayStyleChanged();
    void serverSaved();
    void serverFailed(const QString &message);
    /// A change could not be kept; for people.
    void failed(const QString &message);

private:
    GatewayLink &m_link;
    mutable QSettings m_settings;
    Autostart m_autostart;
    SystemAppearance m_appearance;
    Theme m_theme = Theme::System;
    bool m_motionOverridden = false;
};

} // namespace tidegate
