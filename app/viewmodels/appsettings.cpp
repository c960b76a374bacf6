// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/appsettings.h"

#include "app/viewmodels/gatewaylink.h"
#include "app/viewmodels/gatewaystatus.h"
#include "app/viewmodels/livemodel.h"

#include <QHostAddress>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QMap>
#include <QMetaEnum>
#include <QPointer>
#include <QSysInfo>
#include <QTcpServer>
#include <QUrl>

#include <algorithm>
#include <utility>

namespace tidegate {

namespace {

// Keys of the settings file.
constexpr QLatin1StringView kTheme("appearance/theme");
constexpr QLatin1StringView kReducedMotion("appearance/reducedMotion");
constexpr QLatin1StringView kCloseToTray("window/closeToTray");
constexpr QLatin1StringView kGeometry("window/geometry");
constexpr QLatin1StringView kLastPage("window/page");
constexpr QLatin1StringView kTrayExplained("window/trayExplained");
constexpr QLatin1StringView kSetupDone("setup/done");
constexpr QLatin1StringView kHiddenLiveColumns("live/hiddenColumns");
constexpr QLatin1StringView kLiveViews("live/views");
constexpr QLatin1StringView kTrayStyle("appearance/tray");

/// Of one saved view.
const QString kName = QStringLiteral("name");
const QString kFilter = QStringLiteral("filter");
const QString kChip = QStringLiteral("chip");

constexpr int kPortSearchRange = 100;
constexpr int kMaxPort = 65'535;

const ServerConfig &serverOf(const ConfigPtr &config)
{
    static const ServerConfig defaults;
    return config ? config->server : defaults;
}

QString originText(Origin origin)
{
    return origin == Origin::File          ? AppSettings::tr("from config file")
           : origin == Origin::Environment ? AppSettings::tr("from environment")
                                           : QString();
}

QMap<QString, QJsonObject> readViews(const QSettings &settings)
{
    QMap<QString, QJsonObject> views;
    const QJsonArray saved =
        QJsonDocument::fromJson(settings.value(kLiveViews).toByteArray()).array();
    for (const QJsonValue &value : saved) {
        views.insert(value[kName].toString(), value.toObject());
    }
    return views;
}

void writeViews(QSettings &settings, const QMap<QString, QJsonObject> &views)
{
    QJsonArray saved;
    for (const QJsonObject &view : views) {
        saved.append(view);
    }
    settings.setValue(kLiveViews, QJsonDocument(saved).toJson(QJsonDocument::Compact));
}

QHostAddress toAddress(const QString &host)
{
    return host == QStringLiteral("localhost") ? QHostAddress(QHostAddress::LocalHost)
                                               : QHostAddress(host);
}

} // namespace

AppSettings::AppSettings(GatewayLink &link, const QString &file, Autostart autostart,
                         QObject *parent)
    : QObject(parent)
    , m_link(link)
    , m_settings(file, QSettings::IniFormat)
    , m_autostart(std::move(autostart))
{
    m_theme = Theme(std::clamp(m_settings.value(kTheme, int(Theme::System)).toInt(),
                               int(Theme::System), int(Theme::Dark)));
    connect(&m_appearance, &SystemAppearance::changed, this, &AppSettings::themeChanged);
    connect(&link, &GatewayLink::configChanged, this, &AppSettings::serverChanged);
    connect(&link, &GatewayLink::stateChanged, this, &AppSettings::serverChanged);
}

bool AppSettings::isDark() const
{
    return m_theme == Theme::Dark || (m_theme == Theme::System && m_appearance.isDark());
}

void AppSettings::setTheme(Theme theme)
{
    m_settings.setValue(kTheme, int(theme));
    overrideTheme(theme);
}

void AppSettings::overrideTheme(Theme theme)
{
    if (m_theme != theme) {
        m_theme = theme;
        Q_EMIT themeChanged();
    }
}

bool AppSettings::reducedMotion() const
{
    return m_motionOverridden || m_settings.value(kReducedMotion, false).toBool();
}

void AppSettings::setReducedMotion(bool reduced)
{
    if (reducedMotion() != reduced) {
        m_settings.setValue(kReducedMotion, reduced);
        Q_EMIT reducedMotionChanged();
    }
}

void AppSettings::overrideReducedMotion()
{
    m_motionOverridden = true;
    Q_EMIT reducedMotionChanged();
}

bool AppSettings::closeToTray() const
{
    return m_settings.value(kCloseToTray, true).toBool();
}

void AppSettings::setCloseToTray(bool close)
{
    if (closeToTray() != close) {
        m_settings.setValue(kCloseToTray, close);
        Q_EMIT closeToTrayChanged();
    }
}

bool AppSettings::startAtLogin() const
{
    return m_autostart.isEnabled();
}

void AppSettings::setStartAtLogin(bool start)
{
    if (startAtLogin() == start) {
        return;
    }
    const Result<Done> result = m_autostart.setEnabled(start);
    if (!result) {
        Q_EMIT failed(result.error());
    }
    // Also after a failure, so that a switch goes back to what is true.
    Q_EMIT startAtLoginChanged();
}

QString AppSettings::host() const
{
    return serverOf(m_link.config()).host.toString();
}

int AppSettings::port() const
{
    return serverOf(m_link.config()).port;
}

QString AppSettings::hostOriginText() const
{
    return originText(serverOf(m_link.config()).hostOrigin);
}

QString AppSettings::portOriginText() const
{
    return originText(serverOf(m_link.config()).portOrigin);
}

bool AppSettings::isExposed() const
{
    return !serverOf(m_link.config()).host.isLoopback();
}

QString AppSettings::lastPage() const
{
    return m_settings.value(kLastPage, QStringLiteral("live")).toString();
}

void AppSettings::setLastPage(const QString &page)
{
    if (lastPage() != page) {
        m_settings.setValue(kLastPage, page);
        Q_EMIT lastPageChanged();
    }
}

QRect AppSettings::windowGeometry() const
{
    return m_settings.value(kGeometry).toRect();
}

void AppSettings::setWindowGeometry(const QRect &geometry)
{
    if (windowGeometry() != geometry) {
        m_settings.setValue(kGeometry, geometry);
        Q_EMIT windowGeometryChanged();
    }
}

QStringList AppSettings::hiddenLiveColumns() const
{
    return m_settings.value(kHiddenLiveColumns).toStringList();
}

void AppSettings::setHiddenLiveColumns(const QStringList &columns)
{
    if (hiddenLiveColumns() != columns) {
        m_settings.setValue(kHiddenLiveColumns, columns);
        Q_EMIT hiddenLiveColumnsChanged();
    }
}

QVariantList AppSettings::liveViews() const
{
    QVariantList views;
    for (const QJsonObject &saved : readViews(m_settings)) {
        const auto chip =
            LiveModel::Chip(std::clamp(saved[kChip].toInt(), 0, LiveModel::kChipCount - 1));
        QStringList parts;
        if (chip != LiveModel::Chip::All) {
            parts << LiveModel::chipText(chip);
        }
        if (const QString filter = saved[kFilter].toString(); !filter.isEmpty()) {
            parts << filter;
        }
        views << QVariantMap{{kName, saved[kName].toString()},
                             {kFilter, saved[kFilter].toString()},
                             {kChip, int(chip)},
                             {QStringLiteral("text"), parts.join(QStringLiteral(" · "))}};
    }
    return views;
}

void AppSettings::saveLiveView(const QString &name, const QString &filter, int chip)
{
    const QString trimmed = name.simplified();
    if (trimmed.isEmpty()) {
        return;
    }
    QMap<QString, QJsonObject> views = readViews(m_settings);
    views.insert(trimmed, {{kName, trimmed}, {kFilter, filter.trimmed()}, {kChip, chip}});
    writeViews(m_settings, views);
    Q_EMIT liveViewsChanged();
}

void AppSettings::removeLiveView(const QString &name)
{
    QMap<QString, QJsonObject> views = readViews(m_settings);
    if (views.remove(name) > 0) {
        writeViews(m_settings, views);
        Q_EMIT liveViewsChanged();
    }
}

AppSettings::TrayStyle AppSettings::trayStyle() const
{
    return TrayStyle(std::clamp(m_settings.value(kTrayStyle, int(TrayStyle::Colour)).toInt(),
                                int(TrayStyle::Colour), int(TrayStyle::Dark)));
}

void AppSettings::setTrayStyle(TrayStyle style)
{
    if (trayStyle() != style) {
        m_settings.setValue(kTrayStyle, int(style));
        Q_EMIT trayStyleChanged();
    }
}

bool AppSettings::trayExplained() const
{
    return m_settings.value(kTrayExplained, false).toBool();
}

void AppSettings::setTrayExplained()
{
    m_settings.setValue(kTrayExplained, true);
}

bool AppSettings::setupDone() const
{
    return m_settings.value(kSetupDone, false).toBool();
}

void AppSettings::setSetupDone()
{
    m_settings.setValue(kSetupDone, true);
}

QString AppSettings::portProblem(int port) const
{
    if (port < 1 || port > kMaxPort) {
        return tr("A port is a number from 1 to %1.").arg(kMaxPort);
    }
    const Gateway::State state = m_link.state();
    const bool listening = state == Gateway::State::Running || state == Gateway::State::Paused;
    if (listening && port == m_link.port()) {
        return {};
    }
    QTcpServer probe;
    if (probe.listen(serverOf(m_link.config()).host, quint16(port))) {
        return {};
    }
    if (probe.serverError() == QAbstractSocket::AddressInUseError) {
        return tr("Port %1 is used by another program. Choose another one, or end that program.")
            .arg(port);
    }
    if (probe.serverError() == QAbstractSocket::SocketAccessError) {
        return tr("Port %1 needs administrator rights. Choose one from 1024 upwards.").arg(port);
    }
    return tr("Port %1 cannot be used: %2.").arg(port).arg(probe.errorString());
}

int AppSettings::freePort(int from) const
{
    const int last = std::min(from + kPortSearchRange, kMaxPort);
    for (int port = std::max(from, 1); port <= last; ++port) {
        if (portProblem(port).isEmpty()) {
            return port;
        }
    }
    return 0;
}

void AppSettings::saveServer(const QString &host, int port)
{
    const QHostAddress address = toAddress(host.trimmed());
    if (address.isNull()) {
        Q_EMIT serverFailed(tr("“%1” is not an address. Use 127.0.0.1 for this machine only, or "
                               "0.0.0.0 for every network.")
                                .arg(host));
        return;
    }
    const bool hostChanges = address != serverOf(m_link.config()).host;
    // On another address the same port may well be free; the gateway itself will tell.
    const QString problem = hostChanges && port == this->port() ? QString() : portProblem(port);
    if (!problem.isEmpty()) {
        Q_EMIT serverFailed(problem);
        return;
    }
    const auto answer = [self = QPointer(this)](const Result<Done> &result) {
        if (!self) {
            return;
        }
        if (!result) {
            Q_EMIT self->serverFailed(result.error());
        } else {
            Q_EMIT self->serverSaved();
        }
    };
    if (port == this->port()) {
        if (hostChanges) {
            m_link.saveSetting(QStringLiteral("server.host"), address.toString(), answer);
        } else {
            Q_EMIT serverSaved();
        }
        return;
    }
    if (!hostChanges) {
        m_link.saveSetting(QStringLiteral("server.port"), port, answer);
        return;
    }
    m_link.saveSetting(QStringLiteral("server.port"), port,
                       [self = QPointer(this), address, answer](const Result<Done> &result) {
                           if (self && result) {
                               self->m_link.saveSetting(QStringLiteral("server.host"),
                                                        address.toString(), answer);
                           } else {
                               answer(result);
                           }
                       });
}

QString AppSettings::version()
{
    return QStringLiteral(TIDEGATE_VERSION);
}

QString AppSettings::qtVersion()
{
    return QString::fromLatin1(qVersion());
}

QString AppSettings::diagnostics() const
{
    const ConfigPtr config = m_link.config();
    const QStringList lines = {
        QStringLiteral("Tidegate ") + version(),
        QStringLiteral("Qt ") + qtVersion(),
        QStringLiteral("System: ") + QSysInfo::prettyProductName() + QStringLiteral(", ") +
            QSysInfo::currentCpuArchitecture(),
        QStringLiteral("Desktop: ") + qEnvironmentVariable("XDG_CURRENT_DESKTOP") + u' ' +
            qEnvironmentVariable("XDG_SESSION_TYPE"),
        QStringLiteral("Gateway: ") +
            QString::fromLatin1(
                QMetaEnum::fromType<GatewayStatus::State>().valueToKey(int(m_link.state()))) +
            QStringLiteral(", ") + m_link.baseUrl().toString(),
        QStringLiteral("Failure: ") + m_link.failure(),
        QStringLiteral("Backends: ") + QString::number(config ? config->backends.size() : 0),
        QStringLiteral("Settings: ") + m_settings.fileName(),
    };
    return lines.join(u'\n');
}

} // namespace tidegate
