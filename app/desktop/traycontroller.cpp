// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desktop/traycontroller.h"

#include "app/viewmodels/appcontroller.h"
#include "app/viewmodels/humantext.h"

#include <QVariantMap>

#include <utility>

namespace tidegate {

namespace {

constexpr int kThrottleMs = 1'000;
constexpr int kMaxErrors = 5;
constexpr int kErrorSearchRows = 500;
constexpr qsizetype kMaxErrorText = 60;

TrayItem separator()
{
    TrayItem item;
    item.separator = true;
    return item;
}

TrayItem entry(const char *id, const QString &text)
{
    TrayItem item;
    item.id = QString::fromLatin1(id);
    item.text = text;
    return item;
}

TrayItem submenu(const QString &text, QList<TrayItem> children)
{
    TrayItem item;
    item.text = text;
    item.enabled = !children.isEmpty();
    item.children = std::move(children);
    return item;
}

} // namespace

bool operator==(const TrayItem &a, const TrayItem &b)
{
    return a.id == b.id && a.text == b.text && a.enabled == b.enabled &&
           a.checkable == b.checkable && a.checked == b.checked && a.separator == b.separator &&
           a.children == b.children;
}

TrayController::TrayController(AppController &app, QObject *parent)
    : QObject(parent)
    , m_app(app)
{
    connect(&app, &AppController::budgetNotice, this, &TrayController::notify);
    m_throttle.setSingleShot(true);
    m_throttle.setInterval(kThrottleMs);
    connect(&m_throttle, &QTimer::timeout, this, &TrayController::changed);
    const auto later = [this] {
        if (!m_throttle.isActive()) {
            m_throttle.start();
        }
    };
    connect(app.gateway(), &GatewayStatus::activityChanged, this, later);
    connect(app.exchanges(), &LiveModel::countsChanged, this, later);
    connect(app.gateway(), &GatewayStatus::stateChanged, this, &TrayController::changed);
    connect(app.setup(), &SetupAssistant::snippetsChanged, this, &TrayController::changed);
    connect(app.settings(), &AppSettings::startAtLoginChanged, this, &TrayController::changed);
    connect(app.settings(), &AppSettings::trayStyleChanged, this, &TrayController::changed);
    connect(&app, &AppController::closedToTray, this, &TrayController::explainTray);
}

QString TrayController::statusLine() const
{
    const GatewayStatus &gateway = *m_app.gateway();
    QStringList parts = {gateway.stateText()};
    if (gateway.state() == GatewayStatus::State::Running ||
        gateway.state() == GatewayStatus::State::Paused) {
        parts << gateway.address();
    }
    if (gateway.activeStreams() > 0) {
        //: Requests in flight now
        parts << tr("%n active", nullptr, gateway.activeStreams());
    }
    return parts.join(QStringLiteral(" · "));
}

QString TrayController::todayLine() const
{
    const GatewayStatus &gateway = *m_app.gateway();
    //: %1 is an amount of money
    return tr("Today: %n request(s) · %1", nullptr, gateway.requestsToday())
        .arg(gateway.costTodayText());
}

QList<TrayItem> TrayController::menu() const
{
    const GatewayStatus &gateway = *m_app.gateway();
    const GatewayStatus::State state = gateway.state();
    QList<TrayItem> items;

    TrayItem status = entry("status", statusLine());
    status.enabled = false;
    items << status << separator();

    items << entry("open", tr("Open Tidegate"));
    TrayItem copyUrl = entry("copy-url", tr("Copy base URL"));
    copyUrl.enabled = !gateway.baseUrl().isEmpty();
    items << copyUrl << submenu(tr("Copy client snippet"), snippetItems());
    if (state == GatewayStatus::State::Failed || state == GatewayStatus::State::Stopped) {
        items << entry("restart", tr("Start again"));
    } else {
        const bool paused = state == GatewayStatus::State::Paused;
        TrayItem pause =
            paused ? entry("resume", tr("Resume")) : entry("pause", tr("Pause accepting"));
        pause.enabled = paused || state == GatewayStatus::State::Running;
        items << pause;
    }
    items << separator();

    TrayItem today = entry("today", todayLine());
    today.enabled = false;
    items << today << submenu(tr("Backends"), backendItems());
    const QList<TrayItem> errors = errorItems();
    if (!errors.isEmpty()) {
        items << submenu(tr("Recent errors"), errors);
    }
    items << separator();

    TrayItem login = entry("start-at-login", tr("Start at login"));
    login.checkable = true;
    login.checked = m_app.settings()->startAtLogin();
    items << login << entry("settings", tr("Settings")) << separator() << quitItem();
    return items;
}

QList<TrayItem> TrayController::snippetItems() const
{
    QList<TrayItem> items;
    const QVariantList snippets = m_app.setup()->snippets();
    for (const QVariant &value : snippets) {
        const QVariantMap snippet = value.toMap();
        TrayItem item;
        item.id = QStringLiteral("snippet:") + snippet.value(QStringLiteral("id")).toString();
        item.text = snippet.value(QStringLiteral("title")).toString();
        items << item;
    }
    return items;
}

QList<TrayItem> TrayController::backendItems() const
{
    QList<TrayItem> items;
    const BackendsModel &backends = *m_app.backends();
    for (int row = 0; row < backends.rowCount(); ++row) {
        const QModelIndex index = backends.index(row);
        const auto state = BackendsModel::KeyState(index.data(BackendsModel::KeyStateRole).toInt());
        const bool usable =
            state == BackendsModel::KeyState::NotNeeded || state == BackendsModel::KeyState::Ready;
        TrayItem item;
        item.id = QStringLiteral("backend:") + index.data(BackendsModel::NameRole).toString();
        item.text = (usable ? QStringLiteral("● ") : QStringLiteral("○ ")) +
                    index.data(BackendsModel::NameRole).toString();
        if (!usable) {
            item.text += QStringLiteral(" – ") +
                         tr("key: %1").arg(index.data(BackendsModel::KeyStateTextRole).toString());
        }
        items << item;
    }
    return items;
}

QList<TrayItem> TrayController::errorItems() const
{
    QList<TrayItem> items;
    const LiveModel &exchanges = *m_app.exchanges();
    if (exchanges.count(LiveModel::Chip::Errors) == 0) {
        return items;
    }
    const int last = exchanges.rowCount() - 1;
    for (int row = last; row >= 0 && row > last - kErrorSearchRows && items.size() < kMaxErrors;
         --row) {
        const ExchangeEvent &event = exchanges.at(row);
        if (LiveModel::chipOf(event) != LiveModel::Chip::Errors) {
            continue;
        }
        QString why =
            event.errorMessage.isEmpty() ? humantext::endpoint(event) : event.errorMessage;
        if (why.size() > kMaxErrorText) {
            why = why.left(kMaxErrorText - 1) + u'…';
        }
        TrayItem item;
        item.id = QStringLiteral("error:") + QString::number(event.id);
        item.text = humantext::clockTime(event.startedAtUs).left(8) + u' ' +
                    QString::number(event.status) + u' ' + why;
        items << item;
    }
    return items;
}

TrayItem TrayController::quitItem() const
{
    const int active = m_app.gateway()->activeStreams();
    if (m_app.gateway()->state() == GatewayStatus::State::Draining) {
        return entry("quit-now", tr("Quit now"));
    }
    if (active == 0) {
        return entry("quit", tr("Quit"));
    }
    return submenu(tr("Quit"),
                   {entry("quit-drain", tr("Finish %n request(s), then quit", nullptr, active)),
                    entry("quit-now", tr("Quit now"))});
}

AppSettings::TrayStyle TrayController::style() const
{
    return m_app.settings()->trayStyle();
}

TrayController::Icon TrayController::icon() const
{
    switch (m_app.gateway()->state()) {
    case GatewayStatus::State::Failed:
    case GatewayStatus::State::Stopped:
        return Icon::Error;
    case GatewayStatus::State::Paused:
    case GatewayStatus::State::Draining:
        return Icon::Paused;
    case GatewayStatus::State::Starting:
    case GatewayStatus::State::Running:
        break;
    }
    return Icon::Plain;
}

QString TrayController::toolTip() const
{
    const GatewayStatus &gateway = *m_app.gateway();
    const QString second =
        gateway.state() == GatewayStatus::State::Failed ? gateway.failure() : todayLine();
    return QStringLiteral("Tidegate – ") + statusLine() + u'\n' + second;
}

void TrayController::trigger(const QString &id)
{
    const QString argument = id.section(u':', 1);
    if (id == QStringLiteral("open")) {
        m_app.showWindow();
    } else if (id == QStringLiteral("copy-url")) {
        m_app.copyText(m_app.gateway()->baseUrl());
    } else if (id.startsWith(QStringLiteral("snippet:"))) {
        const QVariantList snippets = m_app.setup()->snippets();
        for (const QVariant &snippet : snippets) {
            if (snippet.toMap().value(QStringLiteral("id")).toString() == argument) {
                m_app.copyText(snippet.toMap().value(QStringLiteral("text")).toString());
            }
        }
    } else if (id == QStringLiteral("pause")) {
        m_app.gateway()->pause();
    } else if (id == QStringLiteral("resume")) {
        m_app.gateway()->resume();
    } else if (id == QStringLiteral("restart")) {
        m_app.gateway()->restart();
    } else if (id.startsWith(QStringLiteral("backend:"))) {
        m_app.showWindow(QStringLiteral("backends"));
    } else if (id.startsWith(QStringLiteral("error:"))) {
        m_app.showWindow(QStringLiteral("live"));
        m_app.detail()->show(argument.toDouble());
    } else if (id == QStringLiteral("start-at-login")) {
        m_app.settings()->setStartAtLogin(!m_app.settings()->startAtLogin());
    } else if (id == QStringLiteral("settings")) {
        m_app.showWindow(QStringLiteral("settings"));
    } else if (id == QStringLiteral("quit")) {
        m_app.requestQuit();
    } else if (id == QStringLiteral("quit-drain")) {
        m_app.quitAfterDraining();
    } else if (id == QStringLiteral("quit-now")) {
        m_app.quitNow();
    }
}

void TrayController::activate()
{
    m_app.showWindow();
}

void TrayController::explainTray()
{
    if (m_app.settings()->trayExplained()) {
        return;
    }
    m_app.settings()->setTrayExplained();
    Q_EMIT notify(tr("Tidegate keeps running"),
                  tr("The gateway goes on serving. Open or quit it from its icon in the tray."));
}

} // namespace tidegate
