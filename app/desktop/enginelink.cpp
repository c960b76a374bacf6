// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desktop/enginelink.h"

#include "gateway/store/ledgerreader.h"

#include <QDateTime>

#include <utility>

namespace tidegate {

EngineLink::EngineLink(Gateway &gateway, QObject *parent)
    : GatewayLink(parent)
    , m_gateway(gateway)
{
    m_readers.setMaxThreadCount(1);
    connect(&gateway, &Gateway::stateChanged, this, &GatewayLink::stateChanged);
    connect(&gateway, &Gateway::configChanged, this, &GatewayLink::configChanged);
    connect(&gateway, &Gateway::problemsChanged, this, &GatewayLink::problemsChanged);
    connect(&gateway, &Gateway::keysChanged, this, &GatewayLink::keysChanged);
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

void EngineLink::createKey(const QString &name, Gateway::Reply<Store::NewKey> reply)
{
    m_gateway.createKey(name, std::move(reply));
}

void EngineLink::revokeKey(qint64 id, Gateway::Reply<ClientKey> reply)
{
    m_gateway.revokeKey(id, std::move(reply));
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
        if (Result<QHash<qint64, qint64>> lastUsed = reader.lastUsedUs()) {
            usage.lastUsedUs = std::move(lastUsed).value();
        }
        QMetaObject::invokeMethod(
            this, [reply, usage] { reply(usage); }, Qt::QueuedConnection);
    });
}

} // namespace tidegate
