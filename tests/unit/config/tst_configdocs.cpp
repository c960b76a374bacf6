// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/backendurl.h"
#include "gateway/config/configschema.h"
#include "gateway/config/configsnapshot.h"

#include <QFile>
#include <QRegularExpression>
#include <QSet>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace tidegate;

/// docs/configuration.md must name every key, choice, type and default address of the code.
class TestConfigDocs : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        QFile file(QStringLiteral(TIDEGATE_SOURCE_DIR) + u"/docs/configuration.md"_s);
        QVERIFY(file.open(QIODevice::ReadOnly));
        m_text = QString::fromUtf8(file.readAll());
    }

    void namesEveryKey()
    {
        // A key counts when it stands in code spans, whole or as the end of its path, in the part
        // of the document that describes its section.
        for (const QString &path : allConfigKeys()) {
            if (path.startsWith(u"providers"_s)) {
                continue; // the same as backends
            }
            const QString last = path.section(u'.', -1);
            const QRegularExpression word(u"[`.]%1`|## %1\\n"_s.arg(last));
            QVERIFY2(sectionOf(path).contains(word), qPrintable(path));
        }
    }

    void namesEveryChoice() { checkChoices(configSchema()); }

    void namesEveryDefaultUrl()
    {
        for (const QString &type : backendTypeNames()) {
            QVERIFY2(m_text.contains(u"`%1`"_s.arg(type)), qPrintable(type));
            const QByteArray url = defaultBackendUrl(*backendTypeFromName(type.toLatin1()));
            if (isActiveBackendType(*backendTypeFromName(type.toLatin1())) && !url.isEmpty()) {
                QVERIFY2(m_text.contains(u"`%1` | `%2`"_s.arg(type, QString::fromLatin1(url))),
                         qPrintable(type));
            }
        }
    }

    void givesTheRealDefaults()
    {
        const ServerConfig server;
        const UpstreamTimeouts timeouts;
        const std::pair<QString, qint64> defaults[] = {
            {u"| `server.port` | `%1`"_s, server.port},
            {u"| `server.workers` | `%1`"_s, server.workers},
            {u"| `server.max_request_body_bytes` | `%1`"_s, server.maxRequestBodyBytes},
            {u"| `server.max_connections` | `%1`"_s, server.maxConnections},
            {u"| `server.header_timeout_seconds` | `%1`"_s, server.headerTimeoutSeconds},
            {u"| `server.drain_seconds` | `%1`"_s, server.drainSeconds},
            {u"| `log.retention_days` | `%1`"_s, ConfigSnapshot().retentionDays},
            {u"| `priority` | `%1`"_s, BackendConfig().priority},
            {u"| `max_queue` | `%1`"_s, BackendConfig().maxQueue},
            {u"| `queue_timeout_ms` | `%1`"_s, BackendConfig().queueTimeoutMs},
            {u"`max_attempts` (%1,"_s, RetryRule().maxAttempts},
            {u"`backoff_ms` (%1)"_s, RetryRule().backoff.baseMs},
            {u"`max_backoff_ms` (%1)"_s, RetryRule().backoff.maxMs},
            {u"`interval_seconds` (%1,"_s, HealthRule().intervalSeconds},
            {u"`timeout_ms` (%1,"_s, HealthRule().timeoutMs},
            {u"| `affinity_bytes` | `%1`"_s, AffinityRule().prefixBytes},
            {u"| `consecutive_failures` | `%1`"_s, BreakerConfig().consecutiveFailures},
            {u"| `window_seconds` | `%1`"_s, BreakerConfig().windowMs / 1000},
            {u"| `min_requests` | `%1`"_s, BreakerConfig().minRequests},
            {u"| `open_seconds` | `%1`"_s, BreakerConfig().openMs / 1000},
            {u"| `max_open_seconds` | `%1`"_s, BreakerConfig().maxOpenMs / 1000},
            {u"| `half_open_successes` | `%1`"_s, BreakerConfig().halfOpenSuccesses},
            {u"`connect_ms` (%1)"_s, timeouts.connectMs},
            {u"`first_byte_ms` (%1)"_s, timeouts.firstByteMs},
            {u"`idle_ms` (%1)"_s, timeouts.idleMs},
            {u"`total_ms` (%1)"_s, timeouts.totalMs}};
        for (const auto &[pattern, value] : defaults) {
            QVERIFY2(m_text.contains(pattern.arg(value)), qPrintable(pattern));
        }
    }

private:
    /// The chapter about the first part of @p path; limits, budgets and breakers are told once.
    [[nodiscard]] QString sectionOf(const QString &path) const
    {
        static const QHash<QString, QString> kElsewhere{{u"breaker"_s, u"circuit_breaker"_s},
                                                        {u"cache"_s, u"cache"_s},
                                                        {u"limits"_s, u"keys"_s},
                                                        {u"budget"_s, u"keys"_s},
                                                        {u"timeouts"_s, u"backends"_s},
                                                        {u"retry"_s, u"backends"_s}};
        const QStringList parts = path.split(u'.');
        QString result = chapter(parts.front());
        for (const QString &part : parts) {
            result += chapter(kElsewhere.value(part));
        }
        return parts.front() == u"rate_limits"_s ? result + chapter(u"keys"_s) : result;
    }

    [[nodiscard]] QString chapter(const QString &name) const
    {
        const qsizetype start = m_text.indexOf(u"## %1\n"_s.arg(name));
        if (name.isEmpty() || start < 0) {
            return {};
        }
        const qsizetype end = m_text.indexOf(u"\n## "_s, start);
        return m_text.mid(start, end < 0 ? -1 : end - start);
    }

    void checkChoices(const SchemaField &field) const
    {
        for (const QString &choice : field.choices) {
            QVERIFY2(m_text.contains(u"`%1`"_s.arg(choice)), qPrintable(choice));
        }
        for (const SchemaField &child : field.children) {
            checkChoices(child);
        }
    }

    QString m_text;
};

QTEST_GUILESS_MAIN(TestConfigDocs)
#include "tst_configdocs.moc"
