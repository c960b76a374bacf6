// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/viewmodels/appsettings.h"
#include "app/viewmodels/backenddetail.h"
#include "app/viewmodels/backendsmodel.h"
#include "app/viewmodels/bannermodel.h"
#include "app/viewmodels/dryrun.h"
#include "app/viewmodels/exchangedetail.h"
#include "app/viewmodels/gatewaystatus.h"
#include "app/viewmodels/keysmodel.h"
#include "app/viewmodels/livefiltermodel.h"
#include "app/viewmodels/livemodel.h"
#include "app/viewmodels/modelsmodel.h"
#include "app/viewmodels/pricesmodel.h"
#include "app/viewmodels/setupassistant.h"
#include "app/viewmodels/teamsmodel.h"
#include "app/viewmodels/usagemodel.h"

#include <QObject>
#include <QTimer>
#include <QtQml/qqmlregistration.h>

class QJSEngine;
class QQmlEngine;

namespace tidegate {

class GatewayLink;

/// What QML sees of the program: the singleton `App` with all view models.
///
/// Lives in the GUI thread; owned by the program (or a test), which makes it before the QML engine.
/// There is one at a time.
class AppController : public QObject
{
    Q_OBJECT
    QML_NAMED_ELEMENT(App)
    QML_SINGLETON
    /// The panel shows a simulated feed.
    Q_PROPERTY(bool demo READ isDemo CONSTANT FINAL)
    /// No animations, nothing blinks: for screenshots.
    Q_PROPERTY(bool frozen READ isFrozen CONSTANT FINAL)
    Q_PROPERTY(tidegate::GatewayStatus *gateway READ gateway CONSTANT FINAL)
    Q_PROPERTY(tidegate::LiveFilterModel *live READ live CONSTANT FINAL)
    Q_PROPERTY(tidegate::ExchangeDetail *detail READ detail CONSTANT FINAL)
    Q_PROPERTY(tidegate::BackendsModel *backends READ backends CONSTANT FINAL)
    Q_PROPERTY(tidegate::BackendDetail *backend READ backend CONSTANT FINAL)
    Q_PROPERTY(tidegate::ModelsModel *models READ models CONSTANT FINAL)
    Q_PROPERTY(tidegate::DryRun *dryRun READ dryRun CONSTANT FINAL)
    Q_PROPERTY(tidegate::KeysModel *keys READ keys CONSTANT FINAL)
    Q_PROPERTY(tidegate::TeamsModel *teams READ teams CONSTANT FINAL)
    Q_PROPERTY(tidegate::UsageModel *usage READ usage CONSTANT FINAL)
    Q_PROPERTY(tidegate::PricesModel *prices READ prices CONSTANT FINAL)
    Q_PROPERTY(tidegate::AppSettings *settings READ settings CONSTANT FINAL)
    Q_PROPERTY(tidegate::SetupAssistant *setup READ setup CONSTANT FINAL)
    Q_PROPERTY(tidegate::BannerModel *banners READ banners CONSTANT FINAL)
    /// There is no backend yet, and the assistant was neither finished nor skipped.
    Q_PROPERTY(bool firstRunNeeded READ firstRunNeeded NOTIFY firstRunNeededChanged FINAL)
    /// "live", "keys", "backends", "models", "usage", "settings" or "setup". Remembered, except for
    /// "setup".
    Q_PROPERTY(
        QString currentPage READ currentPage WRITE setCurrentPage NOTIFY currentPageChanged FINAL)
    /// Closing the window leaves the program running in the tray.
    Q_PROPERTY(bool closesToTray READ closesToTray NOTIFY closesToTrayChanged FINAL)

public:
    struct Options
    {
        bool demo = false;
        bool frozen = false;
        WallClock clock = wallClock();
        QString downloadDir; ///< where files are saved; empty: the user's download folder
    };

    AppController(GatewayLink &link, SessionSecrets &secrets, AppSettings &settings,
                  Options options, QObject *parent = nullptr);
    ~AppController() override;

    /// For QML. The program has made the object before.
    static AppController *create(QQmlEngine *engine, QJSEngine *scriptEngine);

    [[nodiscard]] bool isDemo() const { return m_options.demo; }
    [[nodiscard]] bool isFrozen() const { return m_options.frozen; }
    [[nodiscard]] GatewayStatus *gateway() { return &m_gateway; }
    [[nodiscard]] LiveFilterModel *live() { return &m_live; }
    [[nodiscard]] LiveModel *exchanges() { return &m_exchanges; }
    [[nodiscard]] ExchangeDetail *detail() { return &m_detail; }
    [[nodiscard]] BackendsModel *backends() { return &m_backends; }
    [[nodiscard]] BackendDetail *backend() { return &m_backend; }
    [[nodiscard]] ModelsModel *models() { return &m_models; }
    [[nodiscard]] DryRun *dryRun() { return &m_dryRun; }
    [[nodiscard]] KeysModel *keys() { return &m_keys; }
    [[nodiscard]] TeamsModel *teams() { return &m_teams; }
    [[nodiscard]] UsageModel *usage() { return &m_usage; }
    [[nodiscard]] PricesModel *prices() { return &m_prices; }
    [[nodiscard]] AppSettings *settings() { return &m_settings; }
    [[nodiscard]] SetupAssistant *setup() { return &m_setup; }
    [[nodiscard]] BannerModel *banners() { return &m_banners; }
    [[nodiscard]] bool firstRunNeeded() const;
    [[nodiscard]] QString currentPage() const { return m_page; }
    [[nodiscard]] bool closesToTray() const;

    void setCurrentPage(const QString &page);
    /// A tray is there to close to.
    void setTrayAvailable(bool available);

    /// Puts text on the clipboard and says "Copied".
    Q_INVOKABLE void copyText(const QString &text);
    /// Save into the download folder and say where.
    Q_INVOKABLE void saveLiveCsv();
    Q_INVOKABLE void saveKeysCsv();
    Q_INVOKABLE void saveUsageCsv();
    /// What the page that is shown lists, if it lists anything.
    Q_INVOKABLE void exportPage();
    /// A .env file for the user's eyes alone.
    Q_INVOKABLE void saveEnv(const QString &keyName, const QString &plaintext);
    /// A path in the download folder for a picture of the Usage page; say where with noteSaved().
    Q_INVOKABLE QString picturePath() const;
    Q_INVOKABLE void noteSaved(const QString &path);
    /// The assistant was finished or skipped.
    Q_INVOKABLE void finishSetup();
    /// The user closed the window: hides it, or asks to quit when there is no tray to close to.
    /// Main.qml rejects the close event and calls this.
    Q_INVOKABLE void closeWindow();
    /// Quits, asking first when exchanges are running.
    Q_INVOKABLE void requestQuit();
    /// The answer to quitConfirmationNeeded(): finish running exchanges first, or cut them.
    Q_INVOKABLE void quitAfterDraining();
    Q_INVOKABLE void quitNow();
    /// Asks for the window, e.g. from the tray; @p page empty keeps the page.
    Q_INVOKABLE void showWindow(const QString &page = {});

Q_SIGNALS:
    void firstRunNeededChanged();
    void currentPageChanged();
    void closesToTrayChanged();
    /// For Main.qml: show, raise and activate the window.
    void showWindowRequested();
    /// For Main.qml: hide the window.
    void hideWindowRequested();
    /// For Main.qml: ask "finish %n request(s) then quit / quit now / cancel". @p noTray: there is
    /// no tray, and the user closed the window: closing means quitting.
    void quitConfirmationNeeded(int activeStreams, bool noTray);
    /// A short message that goes by itself, such as "Copied".
    void notice(const QString &text);
    /// For the desktop's notification area: a budget is nearly or all spent.
    void budgetNotice(const QString &title, const QString &text);
    /// The client key that the gateway made at its first start; to be shown once.
    void firstKeyCreated(const QString &plaintext);
    /// For the program: end; @p drain lets running exchanges finish first.
    void quitRequested(bool drain);
    /// For the program: the window went to the tray.
    void closedToTray();

private:
    void updateBanners();
    void refreshUsage();
    void refreshLimits();
    void showBudget(const BudgetNotice &notice);
    void save(const QString &name, const QByteArray &content, bool secret = false);
    [[nodiscard]] QString downloadDir() const;

    GatewayLink &m_link;
    AppSettings &m_settings;
    Options m_options;
    GatewayStatus m_gateway;
    LiveModel m_exchanges;
    LiveFilterModel m_live;
    ExchangeDetail m_detail;
    BackendsModel m_backends;
    BackendDetail m_backend;
    ModelsModel m_models;
    DryRun m_dryRun;
    KeysModel m_keys;
    TeamsModel m_teams;
    UsageModel m_usage;
    PricesModel m_prices;
    SetupAssistant m_setup;
    BannerModel m_banners;
    QString m_page;
    bool m_trayAvailable = false;
    QTimer m_midnight;           ///< "today" begins anew
    QTimer m_limits;             ///< while the Keys page is shown
    QSet<QString> m_budgetsTold; ///< which notices were shown, each with its period
};

} // namespace tidegate
