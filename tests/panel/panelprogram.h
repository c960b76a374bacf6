// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/desktop/enginelink.h"
#include "app/desktop/traycontroller.h"
#include "app/viewmodels/appcontroller.h"
#include "gateway/admin/adminapi.h"

#include <QQmlApplicationEngine>
#include <QQuickWindow>

namespace tidegate {

/// The program `tidegate` within another: gateway, view models and window as its main() puts them
/// together, but without a log, a keychain, a single instance and a tray icon.
///
/// Lives in the GUI thread; owned by a test. There is one at a time.
class PanelProgram
{
public:
    /// @p options: `dataDir` must exist; an empty `configFile` is none.
    explicit PanelProgram(const GatewayOptions &options);

    /// Call once in main(), after the QApplication was made and before any PanelProgram.
    static void prepare();

    /// Starts the gateway and shows the window. False, with a message on stderr, when either fails.
    [[nodiscard]] bool start();

    [[nodiscard]] Gateway &gateway() { return m_gateway; }
    [[nodiscard]] GatewayLink &link() { return m_link; }
    [[nodiscard]] AppController &app() { return m_app; }
    [[nodiscard]] QQuickWindow &window() { return *m_window; }
    /// An item of the window that is in sight, by its objectName; null when there is none.
    [[nodiscard]] QQuickItem *find(const QString &objectName) const;

private:
    Gateway m_gateway;
    SessionSecrets m_secrets;
    AdminApi m_adminApi;
    EngineLink m_link;
    AppSettings m_settings;
    AppController m_app;
    TrayController m_tray;
    QQmlApplicationEngine m_qml;
    QQuickWindow *m_window = nullptr; ///< owned by m_qml
};

} // namespace tidegate
