// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/managed/managedfixture.h"

#include "gateway/config/commandsplitter.h"
#include "gateway/managed/managedcommand.h"

#include <QFile>
#include <QHostAddress>
#include <QTcpServer>
#include <QTest>

using namespace Qt::StringLiterals;

namespace tidegate {

ManagedFixture::ManagedFixture()
{
    timings.pollMs = 30;
    timings.tickMs = 30;
    timings.watchMs = 100;
    timings.killAfterMs = 500;
    timings.quietMs = 30;
    timings.stableMs = 60'000;
    timings.restart = {.baseMs = 100, .maxMs = 2000, .jitter = BackoffConfig::Jitter::Equal};
    timings.reconnect = timings.restart;
    config.name = "b";
    config.type = BackendType::LlamaCpp;
    config.baseUrl = "http://127.0.0.1:" + QByteArray::number(port) + "/v1";
}

void ManagedFixture::manage(const QString &start, const QString &stop)
{
    ManagedRule rule = config.managed.value_or(ManagedRule());
    rule.start = *splitCommand(start);
    rule.shownStart = start;
    rule.stop = *splitCommand(stop);
    rule.shownStop = stop;
    config.managed = rule;
}

void ManagedFixture::apply(bool confirmed)
{
    if (!supervisor) {
        supervisor = std::make_unique<ManagedSupervisor>(
            [this](const QByteArray &) { return load; }, timings);
    }
    ManagedSupervisor::Confirmed hashes;
    if (confirmed) {
        hashes.insert("b", commandHash(config));
    }
    supervisor->setBackends({config}, hashes);
}

void ManagedFixture::applyNothing()
{
    supervisor->setBackends({}, {});
}

ManagedStatus ManagedFixture::status() const
{
    const ManagedBackend *backend = supervisor->find("b");
    return backend ? backend->status() : ManagedStatus();
}

qint64 ManagedFixture::processId() const
{
    const ManagedBackend *backend = supervisor->find("b");
    return backend ? backend->processId() : 0;
}

bool ManagedFixture::reaches(ManagedState state, int ms) const
{
    return QTest::qWaitFor([this, state] { return status().managed == state; }, ms);
}

QString ManagedFixture::serverCommand(double seconds) const
{
    return u"python3 '%1' %2 %3"_s.arg(QString::fromUtf8(TIDEGATE_TEST_SERVER),
                                       QString::number(port), QString::number(seconds));
}

QByteArray ManagedFixture::contents(const QString &file) const
{
    QFile opened(path(file));
    return opened.open(QIODevice::ReadOnly) ? opened.readAll() : QByteArray();
}

int ManagedFixture::lineCount(const QString &file) const
{
    return int(contents(file).count('\n'));
}

bool ManagedFixture::isAlive(qint64 processId)
{
    QFile stat(u"/proc/%1/stat"_s.arg(processId));
    if (processId <= 0 || !stat.open(QIODevice::ReadOnly)) {
        return false;
    }
    const QByteArray text = stat.readAll();
    return text.mid(text.lastIndexOf(')') + 2, 1) != "Z";
}

quint16 ManagedFixture::freePort()
{
    QTcpServer server;
    return server.listen(QHostAddress::LocalHost) ? server.serverPort() : quint16(0);
}

} // namespace tidegate
