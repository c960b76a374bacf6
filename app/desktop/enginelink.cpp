// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desktop/enginelink.h"

#include "app/desktop/ledgerreport.h"
#include "gateway/policy/pricetable.h"
#include "gateway/store/ledgerreader.h"

#include <QDateTime>

#include <algorithm>
#include <limits>
#include <utility>

namespace tidegate {

namespace {

BudgetUse budgetUse(const BudgetRule &rule, const BudgetWindow &window, Money settled, Money held)
{
    const bool ends = window.endUs != std::numeric_limits<qint64>::max();
    return {rule, settled, held, window.startUs, ends ? window.endUs : -1};
}

} // namespace

EngineLink::EngineLink(Gateway &gateway, QObject *parent)
    : GatewayLink(parent)
    , m_gateway(gateway)
{
    m_readers.setMaxThreadCount(1);
    connect(&gateway, &Gateway::stateChanged, this, &GatewayLink::stateChanged);
    connect(&gateway, &Gateway::configChanged, this, &GatewayLink::configChanged);
    connect(&gateway, &Gateway::problemsChanged, this, &GatewayLink::problemsChanged);
    connect(&gateway, &Gateway::keysChanged, this, &GatewayLink::keysChanged);
    connect(&gateway, &Gateway::teamsChanged, this, &GatewayLink::teamsChanged);
    connect(&gateway, &Gateway::pricesChanged, this, &GatewayLink::pricesChanged);
    connect(&gateway, &Gateway::backendStatusChanged, this, &GatewayLink::backendStatusChanged);
    connect(&gateway, &Gateway::budgetEvent, this, &EngineLink::noteBudget);
    connect(&gateway, &Gateway::firstKeyCreated, this, &GatewayLink::firstKeyCreated);
    connect(&gateway, &Gateway::exchangesChanged, this, &GatewayLink::exchangesChanged);
    // Also while the window is closed: whoever opens it wants to see what happened meanwhile.
    gateway.setLiveFeedEnabled(true);
}

EngineLink::~EngineLink()
{
    m_readers.waitForDone();
}

void EngineLink::saveBackend(const QByteArray &name, const QJsonObject &config,
                             Gateway::Reply<Done> reply)
{
    m_gateway.saveBackend(name, config, std::move(reply));
}

void EngineLink::removeBackend(const QByteArray &name, Gateway::Reply<Done> reply)
{
    m_gateway.removeBackend(name, std::move(reply));
}

void EngineLink::testBackend(const QJsonObject &config, const Secret &key,
                             std::function<void(BackendTest)> reply)
{
    m_gateway.testBackend(config, key, std::move(reply));
}

std::vector<BackendStatus> EngineLink::backendStatus() const
{
    return m_gateway.backendStatus();
}

void EngineLink::drainBackend(const QByteArray &name, Gateway::Reply<Done> reply)
{
    m_gateway.drainBackend(name, std::move(reply));
}

void EngineLink::resumeBackend(const QByteArray &name, Gateway::Reply<Done> reply)
{
    m_gateway.resumeBackend(name, std::move(reply));
}

void EngineLink::tripBreaker(const QByteArray &name, int seconds, Gateway::Reply<Done> reply)
{
    m_gateway.tripBreaker(name, seconds, std::move(reply));
}

void EngineLink::resetBreaker(const QByteArray &name, Gateway::Reply<Done> reply)
{
    m_gateway.resetBreaker(name, std::move(reply));
}

void EngineLink::confirmCommand(const QByteArray &name, Gateway::Reply<Done> reply)
{
    m_gateway.confirmCommand(name, std::move(reply));
}

void EngineLink::startManaged(const QByteArray &name, Gateway::Reply<Done> reply)
{
    m_gateway.startManaged(name, std::move(reply));
}

void EngineLink::stopManaged(const QByteArray &name, Gateway::Reply<Done> reply)
{
    m_gateway.stopManaged(name, std::move(reply));
}

void EngineLink::saveModel(const QByteArray &name, const QJsonObject &config,
                           Gateway::Reply<Done> reply)
{
    m_gateway.saveModel(name, config, std::move(reply));
}

void EngineLink::removeModel(const QByteArray &name, Gateway::Reply<Done> reply)
{
    m_gateway.removeModel(name, std::move(reply));
}

Result<QJsonObject> EngineLink::explainRoute(const QJsonObject &question) const
{
    return m_gateway.explainRoute(question);
}

void EngineLink::createKey(const QString &name, const QJsonObject &config,
                           Gateway::Reply<Store::NewKey> reply)
{
    m_gateway.createKey(name, config, std::move(reply));
}

void EngineLink::updateKey(qint64 id, const QString &name, const QJsonObject &config,
                           Gateway::Reply<ClientKey> reply)
{
    m_gateway.updateKey(id, name, config, std::move(reply));
}

void EngineLink::rotateKey(qint64 id, int overlapSeconds, Gateway::Reply<Store::NewKey> reply)
{
    m_gateway.rotateKey(id, overlapSeconds, std::move(reply));
}

void EngineLink::revokeKey(qint64 id, Gateway::Reply<ClientKey> reply)
{
    m_gateway.revokeKey(id, std::move(reply));
}

void EngineLink::deleteKey(qint64 id, Gateway::Reply<Done> reply)
{
    m_gateway.deleteKey(id, std::move(reply));
}

void EngineLink::saveTeam(qint64 id, const QString &name, const QJsonObject &config,
                          Gateway::Reply<Done> reply)
{
    m_gateway.saveTeam(id, name, config, [reply = std::move(reply)](const Result<Team> &result) {
        reply(result ? Result<Done>(Done{}) : Result<Done>(Error{result.error()}));
    });
}

void EngineLink::removeTeam(qint64 id, Gateway::Reply<Done> reply)
{
    m_gateway.removeTeam(id, std::move(reply));
}

PriceList EngineLink::prices() const
{
    PriceList list;
    const ConfigPtr config = m_gateway.config();
    if (!config || !config->prices) {
        return list;
    }
    list.updated = config->prices->updated();
    for (const PatternPrice &entry : config->prices->entries()) {
        const Origin origin = entry.origin == PriceOrigin::Database ? Origin::Panel
                              : entry.origin == PriceOrigin::File   ? Origin::File
                                                                    : Origin::Default;
        list.entries.push_back({QString::fromUtf8(entry.pattern.pattern()), entry.config, origin});
    }
    return list;
}

void EngineLink::savePrice(const QString &pattern, const QJsonObject &config,
                           Gateway::Reply<Done> reply)
{
    m_gateway.savePrice(pattern.toUtf8(), config, std::move(reply));
}

void EngineLink::removePrice(const QString &pattern, Gateway::Reply<Done> reply)
{
    m_gateway.removePrice(pattern.toUtf8(), std::move(reply));
}

void EngineLink::saveSetting(const QString &key, const QJsonValue &value,
                             Gateway::Reply<Done> reply)
{
    m_gateway.saveSetting(key, value, std::move(reply));
}

void EngineLink::readUsage(std::function<void(UsageSummary)> reply)
{
    const QString path = m_gateway.databasePath();
    const qint64 midnightUs = QDate::currentDate().startOfDay().toMSecsSinceEpoch() * 1'000;
    // `this` stays: the destructor waits for the pool.
    m_readers.start([this, path, midnightUs, reply = std::move(reply)] {
        LedgerReader reader;
        if (!reader.open(path)) {
            return;
        }
        UsageSummary usage;
        if (const Result<qint64> count = reader.countSince(midnightUs)) {
            usage.requestsToday = *count;
        }
        if (const Result<Money> cost = ledgerCost(path, midnightUs)) {
            usage.costToday = *cost;
        }
        if (Result<QHash<qint64, qint64>> lastUsed = reader.lastUsedUs()) {
            usage.lastUsedUs = std::move(lastUsed).value();
        }
        QMetaObject::invokeMethod(
            this, [reply, usage] { reply(usage); }, Qt::QueuedConnection);
    });
}

void EngineLink::readReport(const UsageRequest &request, Gateway::Reply<UsageReport> reply)
{
    const QString path = m_gateway.databasePath();
    const quint64 number = ++m_lastReport;
    // `this` stays: the destructor waits for the pool.
    m_readers.start([this, path, request, number, reply = std::move(reply)] {
        if (number != m_lastReport) {
            return;
        }
        Result<UsageReport> report = ledgerReport(path, request);
        QMetaObject::invokeMethod(
            this, [reply, report = std::move(report)] { reply(report); }, Qt::QueuedConnection);
    });
}

void EngineLink::readLimits(std::function<void(std::vector<LimitUse>)> reply)
{
    std::vector<LimitUse> uses;
    for (const ClientKey &key : m_gateway.clientKeys()) {
        LimitUse use;
        use.id = key.id;
        use.limits = key.limits;
        if (key.budget) {
            use.budget = BudgetUse{*key.budget, {}, {}, 0, -1};
        }
        uses.push_back(use);
    }
    for (const Team &team : m_gateway.teams()) {
        LimitUse use;
        use.team = true;
        use.id = team.id;
        use.limits = team.limits;
        if (team.budget) {
            use.budget = BudgetUse{*team.budget, {}, {}, 0, -1};
        }
        uses.push_back(use);
    }
    const auto find = [&uses](bool team, qint64 id) {
        const auto use = std::find_if(uses.begin(), uses.end(), [&](const LimitUse &other) {
            return other.team == team && other.id == id;
        });
        return use == uses.end() ? nullptr : &*use;
    };
    for (const LimitUsage &used : m_gateway.limitUsage()) {
        const bool team = used.kind == ScopeKind::Team;
        LimitUse *use = team || used.kind == ScopeKind::Key ? find(team, used.id) : nullptr;
        if (use != nullptr) {
            use->requestsThisMinute = used.requests;
            use->tokensThisMinute = used.tokens;
            use->tokensToday = used.tokensToday;
            use->inFlight = used.inFlight;
        }
    }
    for (const BudgetUsage &used : m_gateway.budgetUsage()) {
        LimitUse *use = find(used.account.team, used.account.id);
        if (use != nullptr && use->budget) {
            use->budget = budgetUse(used.rule, used.window, used.settled, used.held);
        }
    }
    reply(uses);
}

void EngineLink::noteBudget(const BudgetEvent &event)
{
    if (event.kind == BudgetEvent::Kind::NotLoaded) {
        return;
    }
    BudgetNotice notice;
    notice.team = event.account.team;
    notice.id = event.account.id;
    notice.percent = event.kind == BudgetEvent::Kind::Exhausted ? 100 : event.rule.softPercent;
    notice.use = budgetUse(event.rule, event.window, event.settled, event.held);
    if (notice.team) {
        for (const Team &team : m_gateway.teams()) {
            if (team.id == notice.id) {
                notice.name = team.name;
            }
        }
    } else {
        for (const ClientKey &key : m_gateway.clientKeys()) {
            if (key.id == notice.id) {
                notice.name = key.name;
            }
        }
    }
    Q_EMIT budgetNotice(notice);
}

} // namespace tidegate
