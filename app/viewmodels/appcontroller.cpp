// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/appcontroller.h"

#include "app/viewmodels/fileexport.h"
#include "app/viewmodels/gatewaylink.h"
#include "app/viewmodels/humantext.h"
#include "app/viewmodels/usebar.h"

#include <QClipboard>
#include <QDateTime>
#include <QDir>
#include <QGuiApplication>
#include <QJSEngine>
#include <QPointer>
#include <QStandardPaths>
#include <QTimeZone>

#include <algorithm>
#include <utility>

namespace tidegate {

namespace {

AppController *s_instance = nullptr;

constexpr int kLimitsMs = 2'000;

const QString kSetupPage = QStringLiteral("setup");
const QString kGatewayBanner = QStringLiteral("gateway");
const QString kConfigBanner = QStringLiteral("config");
const QString kKeysPage = QStringLiteral("keys");
const QString kKeychainBanner = QStringLiteral("keychain");

QStringList knownPages()
{
    return {QStringLiteral("live"),
            kKeysPage,
            QStringLiteral("backends"),
            QStringLiteral("models"),
            QStringLiteral("usage"),
            QStringLiteral("settings"),
            kSetupPage};
}

} // namespace

AppController::AppController(GatewayLink &link, SessionSecrets &secrets, AppSettings &settings,
                             Options options, QObject *parent)
    : QObject(parent)
    , m_link(link)
    , m_settings(settings)
    , m_options(std::move(options))
    , m_gateway(link, m_options.clock)
    , m_exchanges(m_options.clock)
    , m_live(m_exchanges)
    , m_detail(m_exchanges)
    , m_backends(link, secrets, m_options.clock)
    , m_backend(m_backends, m_options.clock)
    , m_models(link)
    , m_dryRun(link)
    , m_keys(link, m_options.clock)
    , m_teams(link, m_keys, m_options.clock)
    , m_usage(link, m_options.clock)
    , m_prices(link)
    , m_setup(link, m_backends)
    , m_page(settings.lastPage())
{
    Q_ASSERT(s_instance == nullptr);
    s_instance = this;
    if (!knownPages().contains(m_page) || m_page == kSetupPage) {
        m_page = knownPages().constFirst();
    }

    connect(&link, &GatewayLink::exchangesChanged, this, [this](const ExchangeBatch &batch) {
        m_gateway.applyBatch(batch);
        m_exchanges.enqueue(batch);
        m_backends.applyBatch(batch);
    });
    m_backends.setFrozen(m_options.frozen);
    connect(&m_backends, &BackendsModel::actionDone, this,
            [this](const QString &, const QString &message) { Q_EMIT notice(message); });
    connect(&m_backends, &BackendsModel::actionFailed, this,
            [this](const QString &, const QString &message) { Q_EMIT notice(message); });
    const auto updateNames = [this] { m_exchanges.setKeyNames(m_keys.names()); };
    connect(&m_keys, &KeysModel::countChanged, this, updateNames);
    updateNames();
    const auto updateTeams = [this] { m_exchanges.setTeamNames(m_teams.namesById()); };
    connect(&m_teams, &TeamsModel::countChanged, this, updateTeams);
    updateTeams();
    connect(&link, &GatewayLink::firstKeyCreated, this, [this](const QByteArray &plaintext) {
        const QString key = QString::fromLatin1(plaintext);
        m_setup.setClientKey(key);
        Q_EMIT firstKeyCreated(key);
    });
    connect(&link, &GatewayLink::configChanged, this, &AppController::firstRunNeededChanged);
    connect(&link, &GatewayLink::configChanged, this, &AppController::updateBanners);
    connect(&link, &GatewayLink::problemsChanged, this, &AppController::updateBanners);
    connect(&link, &GatewayLink::stateChanged, this, [this] {
        m_detail.setBaseUrl(m_gateway.baseUrl());
        updateBanners();
        if (m_gateway.state() == GatewayStatus::State::Running) {
            refreshUsage();
            refreshLimits();
        }
    });
    connect(&settings, &AppSettings::closeToTrayChanged, this, &AppController::closesToTrayChanged);
    connect(&settings, &AppSettings::failed, this, &AppController::notice);
    connect(&m_keys, &KeysModel::failed, this, &AppController::notice);
    connect(&m_teams, &TeamsModel::failed, this, &AppController::notice);
    connect(&m_models, &ModelsModel::failed, this, &AppController::notice);
    connect(&link, &GatewayLink::budgetNotice, this, &AppController::showBudget);
    connect(&link, &GatewayLink::keysChanged, this, &AppController::refreshLimits);
    connect(&link, &GatewayLink::teamsChanged, this, &AppController::refreshLimits);
    m_limits.setInterval(kLimitsMs);
    connect(&m_limits, &QTimer::timeout, this, &AppController::refreshLimits);
    m_detail.setBaseUrl(m_gateway.baseUrl());

    m_midnight.setSingleShot(true);
    m_midnight.setTimerType(Qt::VeryCoarseTimer);
    connect(&m_midnight, &QTimer::timeout, this, &AppController::refreshUsage);
    updateBanners();
}

AppController::~AppController()
{
    s_instance = nullptr;
}

AppController *AppController::create(QQmlEngine *, QJSEngine *)
{
    Q_ASSERT_X(s_instance != nullptr, "App",
               "the program makes AppController before the QML engine");
    QJSEngine::setObjectOwnership(s_instance, QJSEngine::CppOwnership);
    return s_instance;
}

bool AppController::firstRunNeeded() const
{
    const ConfigPtr config = m_link.config();
    return config && config->backends.empty() && !m_settings.setupDone();
}

bool AppController::closesToTray() const
{
    return m_trayAvailable && m_settings.closeToTray();
}

void AppController::setTrayAvailable(bool available)
{
    if (m_trayAvailable != available) {
        m_trayAvailable = available;
        Q_EMIT closesToTrayChanged();
    }
}

void AppController::setCurrentPage(const QString &page)
{
    if (m_page == page || !knownPages().contains(page)) {
        return;
    }
    m_page = page;
    if (page != kSetupPage) {
        m_settings.setLastPage(page);
    }
    if (page == kKeysPage) {
        refreshUsage();
        refreshLimits();
        if (!m_options.frozen) {
            m_limits.start();
        }
    } else {
        m_limits.stop();
    }
    Q_EMIT currentPageChanged();
}

void AppController::copyText(const QString &text)
{
    QGuiApplication::clipboard()->setText(text);
    //: Said after something was put on the clipboard
    Q_EMIT notice(tr("Copied"));
}

QString AppController::downloadDir() const
{
    return m_options.downloadDir.isEmpty()
               ? QStandardPaths::writableLocation(QStandardPaths::DownloadLocation)
               : m_options.downloadDir;
}

void AppController::save(const QString &name, const QByteArray &content, bool secret)
{
    const Result<QString> path = fileexport::save(downloadDir(), name, content, secret);
    if (path) {
        noteSaved(*path);
    } else {
        Q_EMIT notice(path.error());
    }
}

void AppController::saveLiveCsv()
{
    std::vector<QStringList> rows;
    const auto number = [](qint64 value) { return value < 0 ? QString() : QString::number(value); };
    for (int row = 0; row < m_live.rowCount(); ++row) {
        const ExchangeEvent &e = m_exchanges.at(m_live.mapToSource(m_live.index(row, 0)).row());
        rows.push_back({QDateTime::fromMSecsSinceEpoch(e.startedAtUs / 1'000, QTimeZone::utc())
                            .toString(Qt::ISODateWithMs),
                        QString::fromLatin1(e.requestId), QString::fromLatin1(e.method),
                        QString::fromUtf8(e.path), m_exchanges.keyName(e.keyId),
                        m_exchanges.teamName(e.teamId), QString::fromUtf8(e.requestedModel),
                        QString::fromUtf8(e.servedModel), QString::fromUtf8(e.backend),
                        number(e.status), number(e.attempts), number(e.timings.firstByteUs),
                        number(e.timings.endUs), number(e.usage.input), number(e.usage.output),
                        number(e.usage.cachedInput), number(e.usage.reasoning),
                        e.cost ? QString::fromLatin1(e.cost->toString()) : QString(),
                        QString::fromLatin1(e.errorCode)});
    }
    // Not translated: programs read it.
    const QString header = QStringLiteral(
        "start,request_id,method,path,key,team,requested_model,served_model,backend,status,"
        "attempts,first_byte_us,total_us,tokens_in,tokens_out,cached_tokens_in,reasoning_tokens,"
        "cost_usd,error_code");
    save(QStringLiteral("tidegate-requests.csv"), fileexport::csv(header.split(u','), rows));
}

void AppController::exportPage()
{
    if (m_page == QStringLiteral("live")) {
        saveLiveCsv();
    } else if (m_page == kKeysPage) {
        saveKeysCsv();
    } else if (m_page == QStringLiteral("usage")) {
        saveUsageCsv();
    }
}

void AppController::saveKeysCsv()
{
    save(QStringLiteral("tidegate-keys.csv"), m_keys.csv());
}

void AppController::saveUsageCsv()
{
    save(m_usage.fileName() + QStringLiteral(".csv"), m_usage.csv());
}

void AppController::saveEnv(const QString &keyName, const QString &plaintext)
{
    QString name;
    for (const QChar c : keyName) {
        name += c.isLetterOrNumber() || c == u'-' || c == u'_' ? c : u'-';
    }
    const QString text = QStringLiteral("OPENAI_BASE_URL=%1\nOPENAI_API_KEY=%2\n")
                             .arg(m_gateway.baseUrl(), plaintext);
    save(QStringLiteral("tidegate-%1.env").arg(name), text.toUtf8(), true);
}

QString AppController::picturePath() const
{
    QDir().mkpath(downloadDir());
    return fileexport::freePath(downloadDir(), m_usage.fileName() + QStringLiteral(".png"));
}

void AppController::noteSaved(const QString &path)
{
    //: %1 is the path of a file
    Q_EMIT notice(tr("Saved as %1").arg(QDir::toNativeSeparators(path)));
}

void AppController::finishSetup()
{
    m_settings.setSetupDone();
    m_setup.finish();
    Q_EMIT firstRunNeededChanged();
    if (m_page == kSetupPage) {
        setCurrentPage(knownPages().constFirst());
    }
}

void AppController::closeWindow()
{
    if (closesToTray()) {
        Q_EMIT hideWindowRequested();
        Q_EMIT closedToTray();
    } else if (!m_trayAvailable) {
        Q_EMIT quitConfirmationNeeded(m_gateway.activeStreams(), true);
    } else {
        requestQuit();
    }
}

void AppController::requestQuit()
{
    if (m_gateway.state() == GatewayStatus::State::Draining) {
        // Asked once more while it finishes: now.
        quitNow();
    } else if (m_link.activeExchanges() > 0) {
        Q_EMIT showWindowRequested();
        Q_EMIT quitConfirmationNeeded(m_link.activeExchanges(), false);
    } else {
        quitAfterDraining();
    }
}

void AppController::quitAfterDraining()
{
    Q_EMIT quitRequested(true);
}

void AppController::quitNow()
{
    Q_EMIT quitRequested(false);
}

void AppController::showWindow(const QString &page)
{
    if (!page.isEmpty()) {
        setCurrentPage(page);
    }
    Q_EMIT showWindowRequested();
}

void AppController::updateBanners()
{
    using Severity = BannerModel::Severity;

    if (m_link.state() == Gateway::State::Failed) {
        BannerModel::Banner banner;
        banner.id = kGatewayBanner;
        banner.severity = Severity::Error;
        banner.text = m_link.failure();
        banner.dismissible = false;
        const int port = m_settings.port();
        // Without a configuration the start did not get as far as the port, and no other helps.
        const bool portTaken = m_link.config() && m_settings.portOriginText().isEmpty() &&
                               !m_settings.portProblem(port).isEmpty();
        const int other = portTaken ? m_settings.freePort(port + 1) : 0;
        if (other > 0) {
            //: Label of a button; %1 is a port number
            banner.actionText = tr("Use port %1").arg(other);
            banner.action = [this, other] {
                m_link.saveSetting(QStringLiteral("server.port"), other,
                                   [self = QPointer(this)](const Result<Done> &result) {
                                       if (self && !result) {
                                           Q_EMIT self->notice(result.error());
                                       } else if (self &&
                                                  self->m_link.state() == Gateway::State::Failed) {
                                           self->m_link.start();
                                       }
                                   });
            };
        } else {
            banner.actionText = tr("Try again");
            banner.action = [this] { m_link.start(); };
        }
        m_banners.show(std::move(banner));
    } else {
        m_banners.withdraw(kGatewayBanner);
    }

    std::vector<ConfigProblem> problems = m_link.problems();
    std::erase_if(problems, [](const ConfigProblem &problem) {
        return problem.severity == ConfigProblem::Severity::Note;
    });
    // The file being wrong is also what a failed start says.
    if (problems.empty() || m_link.state() == Gateway::State::Failed) {
        m_banners.withdraw(kConfigBanner);
    } else {
        std::stable_sort(
            problems.begin(), problems.end(),
            [](const ConfigProblem &a, const ConfigProblem &b) { return a.severity > b.severity; });
        BannerModel::Banner banner;
        banner.id = kConfigBanner;
        banner.severity = problems.front().severity == ConfigProblem::Severity::Error
                              ? Severity::Error
                              : Severity::Warning;
        banner.text = problems.front().toString();
        if (problems.size() > 1) {
            banner.text += u' ' + tr("(and %n more)", nullptr, int(problems.size()) - 1);
        }
        banner.actionText = tr("Read it again");
        banner.action = [this] { m_link.reloadConfig(); };
        m_banners.show(std::move(banner));
    }

    QStringList locked;
    QStringList unavailable;
    QStringList missing;
    if (const ConfigPtr config = m_link.config()) {
        for (const BackendConfig &backend : config->backends) {
            const QString name = QString::fromUtf8(backend.name);
            if (backend.keyState == KeyState::Locked) {
                locked << name;
            } else if (backend.keyState == KeyState::Unavailable) {
                unavailable << name;
            } else if (backend.keyState == KeyState::Missing) {
                missing << name;
            }
        }
    }
    const QString separator = QStringLiteral(", ");
    BannerModel::Banner banner;
    banner.id = kKeychainBanner;
    banner.severity = Severity::Warning;
    if (!locked.isEmpty()) {
        banner.text = tr("The keychain is locked, so these backends have no key: %1. Unlock it, "
                         "then try again.")
                          .arg(locked.join(separator));
        banner.actionText = tr("Try again");
        banner.action = [this] { m_link.refreshSecrets(); };
    } else if (!unavailable.isEmpty()) {
        banner.text = tr("This machine's keychain does not answer, so these backends have no key: "
                         "%1. Give the key for this session, or use an environment variable.")
                          .arg(unavailable.join(separator));
        banner.actionText = tr("Open backends");
        banner.action = [this] { setCurrentPage(QStringLiteral("backends")); };
    } else if (!missing.isEmpty()) {
        banner.text = tr("These backends have no key: %1. Enter one to use them.")
                          .arg(missing.join(separator));
        banner.actionText = tr("Open backends");
        banner.action = [this] { setCurrentPage(QStringLiteral("backends")); };
    }
    if (banner.text.isEmpty()) {
        m_banners.withdraw(kKeychainBanner);
    } else {
        m_banners.show(std::move(banner));
    }
}

void AppController::refreshUsage()
{
    m_link.readUsage([self = QPointer(this)](const UsageSummary &usage) {
        if (self) {
            self->m_gateway.setToday(usage.requestsToday, usage.costToday);
            self->m_keys.setLastUsed(usage.lastUsedUs);
        }
    });
    const QDateTime now = QDateTime::currentDateTime();
    m_midnight.start(int(now.msecsTo(now.date().addDays(1).startOfDay())) + 1'000);
}

void AppController::refreshLimits()
{
    m_link.readLimits([self = QPointer(this)](const std::vector<LimitUse> &uses) {
        if (self) {
            self->m_keys.setLimitUse(uses);
            self->m_teams.setLimitUse(uses);
        }
    });
}

void AppController::showBudget(const BudgetNotice &notice)
{
    const QString account =
        QStringLiteral("budget-%1-%2").arg(notice.team ? u't' : u'k').arg(notice.id);
    const QString told =
        QStringLiteral("%1-%2-%3").arg(account).arg(notice.percent).arg(notice.use.periodStartUs);
    if (m_budgetsTold.contains(told)) {
        return;
    }
    m_budgetsTold.insert(told);
    const bool spent = notice.percent >= 100;
    //: Whose budget it is
    const QString who =
        notice.team ? tr("Team “%1”").arg(notice.name) : tr("Key “%1”").arg(notice.name);
    const QString amount = humantext::money(notice.use.rule.amount);
    QString text;
    if (!spent) {
        //: %1 is whose budget it is, %3 an amount of money
        text =
            tr("%1 has spent %2 % of its budget of %3.").arg(who).arg(notice.percent).arg(amount);
    } else if (notice.use.rule.shadow) {
        text = tr("%1 has spent its budget of %2. It only reports, so requests go on.")
                   .arg(who, amount);
    } else if (notice.use.resetUs >= 0) {
        text = tr("%1 has spent its budget of %2. Its requests are refused until %3.")
                   .arg(who, amount, humantext::soon(notice.use.resetUs));
    } else {
        text = tr("%1 has spent its budget of %2. Its requests are refused.").arg(who, amount);
    }
    BannerModel::Banner banner;
    banner.id = account;
    banner.severity = spent && !notice.use.rule.shadow ? BannerModel::Severity::Error
                                                       : BannerModel::Severity::Warning;
    banner.text = text;
    banner.actionText = tr("Open keys");
    banner.action = [this] { setCurrentPage(kKeysPage); };
    m_banners.show(std::move(banner));
    Q_EMIT budgetNotice(spent ? tr("A budget is spent") : tr("A budget is nearly spent"), text);
}

} // namespace tidegate
