// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/store/ledgerexport.h"
#include "gateway/store/ledgerreader.h"
#include "gateway/store/usagereader.h"
#include "tests/unit/store/ledgergenerator.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QTest>

using namespace tidegate;

namespace {

/// Reads CSV as RFC 4180 says.
std::vector<QList<QByteArray>> readCsv(const QByteArray &bytes)
{
    std::vector<QList<QByteArray>> lines;
    QList<QByteArray> line;
    QByteArray cell;
    bool quoted = false;
    for (qsizetype i = 0; i < bytes.size(); ++i) {
        const char c = bytes[i];
        if (quoted) {
            if (c == '"' && i + 1 < bytes.size() && bytes[i + 1] == '"') {
                cell += '"';
                ++i;
            } else if (c == '"') {
                quoted = false;
            } else {
                cell += c;
            }
        } else if (c == '"') {
            quoted = true;
        } else if (c == ',') {
            line.append(std::exchange(cell, {}));
        } else if (c == '\r' && i + 1 < bytes.size() && bytes[i + 1] == '\n') {
            ++i;
            line.append(std::exchange(cell, {}));
            lines.push_back(std::exchange(line, {}));
        } else {
            cell += c;
        }
    }
    return lines;
}

} // namespace

/// Searches in the ledger, against a plain look at all rows, and its export.
class TestLedgerExport : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void findsWhatMatches_data();
    void findsWhatMatches();
    void pagesWithoutGapsOrRepeats();
    void csv();
    void jsonLines();
    void formulasAreHarmless();
    void stopsWhenTheSinkDoes();
    void usageAsCsvAndJson();
    void emptyCsvHasAHeader();

private:
    static constexpr int kRows = 20'000;
    static constexpr qint64 kFromUs = 1'759'000'000'000'000;
    static constexpr qint64 kDayUs = 86'400'000'000;

    QTemporaryDir m_dir;
    QString m_database;
    std::vector<StoredLedgerRow> m_all; ///< newest first
};

void TestLedgerExport::initTestCase()
{
    m_database = m_dir.filePath(QStringLiteral("tidegate.db"));
    const auto written =
        LedgerGenerator::writeDatabase(m_database, kRows, kFromUs, kFromUs + 10 * kDayUs);
    QVERIFY2(written, written ? "" : qPrintable(written.error()));
    LedgerReader reader;
    QVERIFY(reader.open(m_database));
    m_all = reader.newest(std::numeric_limits<int>::max()).value();
    QCOMPARE(m_all.size(), size_t(kRows));
}

void TestLedgerExport::findsWhatMatches_data()
{
    QTest::addColumn<RequestFilter>("filter");
    const auto row = [](const char *name, auto set) {
        RequestFilter filter;
        set(filter);
        QTest::newRow(name) << filter;
    };
    using F = RequestFilter &;
    row("everything", [](F) {});
    row("key", [](F filter) { filter.keyId = 38; });
    row("no key", [](F filter) { filter.keyId = 0; });
    row("team", [](F filter) { filter.teamId = 3; });
    row("requested model", [](F filter) { filter.model = "model-4"; });
    row("served model", [](F filter) { filter.model = "vendor/model-4-2026"; });
    row("backend", [](F filter) { filter.backend = "backend-2"; });
    row("outcome", [](F filter) { filter.outcome = Outcome::ClientClosed; });
    row("status", [](F filter) {
        filter.statusFrom = 400;
        filter.statusTo = 498;
    });
    row("time", [](F filter) {
        filter.sinceUs = kFromUs + 3 * kDayUs;
        filter.untilUs = kFromUs + 4 * kDayUs;
    });
    row("several", [](F filter) {
        filter.keyId = 5;
        filter.outcome = Outcome::UpstreamError;
        filter.untilUs = kFromUs + 8 * kDayUs;
        filter.statusFrom = 500;
    });
    row("unknown request", [](F filter) { filter.requestId = "nobody"; });
    row("' OR 1=1 --", [](F filter) { filter.model = "' OR 1=1 --"; });
}

void TestLedgerExport::findsWhatMatches()
{
    QFETCH(const RequestFilter, filter);
    LedgerReader reader;
    QVERIFY(reader.open(m_database));
    std::vector<qint64> expected;
    for (const auto &[id, row] : m_all) {
        if ((!filter.keyId || row.keyId == *filter.keyId) &&
            (!filter.teamId || row.teamId == *filter.teamId) &&
            (!filter.model || row.requestedModel == *filter.model ||
             row.servedModel == *filter.model) &&
            (!filter.backend || row.backend == *filter.backend) &&
            (!filter.outcome || row.outcome == *filter.outcome) &&
            row.status >= filter.statusFrom && row.status <= filter.statusTo &&
            row.startedAtUs >= filter.sinceUs && row.startedAtUs < filter.untilUs &&
            (!filter.requestId || row.requestId == *filter.requestId)) {
            expected.push_back(id);
        }
    }
    const auto found = reader.find(filter, kRows);
    QVERIFY2(found, found ? "" : qPrintable(found.error()));
    std::vector<qint64> ids;
    for (const auto &stored : *found) {
        ids.push_back(stored.id);
    }
    QCOMPARE(ids, expected);
}

void TestLedgerExport::pagesWithoutGapsOrRepeats()
{
    LedgerReader reader;
    QVERIFY(reader.open(m_database));
    RequestFilter filter;
    filter.teamId = 2;
    const auto whole = reader.find(filter, kRows);
    QVERIFY(whole);
    std::vector<qint64> ids;
    qint64 before = std::numeric_limits<qint64>::max();
    for (;;) {
        const auto page = reader.find(filter, 77, before);
        QVERIFY(page);
        for (const auto &stored : *page) {
            ids.push_back(stored.id);
        }
        if (page->size() < 77) {
            break;
        }
        before = page->back().id;
    }
    QCOMPARE(ids.size(), whole->size());
    for (size_t i = 0; i < ids.size(); ++i) {
        QCOMPARE(ids[i], (*whole)[i].id);
    }
    // Every request can be found by its id, wherever it stands.
    for (size_t i = 0; i < m_all.size(); i += 997) {
        RequestFilter one;
        one.requestId = m_all[i].row.requestId;
        const auto found = reader.find(one, 10);
        QVERIFY(found);
        QCOMPARE(found->size(), size_t(1));
        QCOMPARE(found->front().id, m_all[i].id);
    }
}

void TestLedgerExport::csv()
{
    LedgerReader reader;
    QVERIFY(reader.open(m_database));
    QByteArray bytes;
    qsizetype largest = 0;
    const auto written =
        LedgerExport::writeRows(reader, {}, LedgerExport::Format::Csv, [&](QByteArrayView piece) {
            bytes += piece;
            largest = std::max(largest, piece.size());
            return true;
        });
    QVERIFY(written && *written);
    QVERIFY2(largest < 64 * 1024, qPrintable(QString::number(largest)));
    const auto lines = readCsv(bytes);
    QCOMPARE(lines.size(), size_t(kRows + 1));
    const auto column = [&lines](const char *name) { return lines[0].indexOf(name); };
    Money sum;
    Money expected;
    for (size_t i = 1; i < lines.size(); ++i) {
        const LedgerRow &row = m_all[m_all.size() - i].row; // oldest first
        QCOMPARE(lines[i].size(), lines[0].size());
        QCOMPARE(lines[i][column("request_id")], row.requestId);
        QCOMPARE(lines[i][column("input_tokens")],
                 row.usage.input < 0 ? QByteArray() : QByteArray::number(row.usage.input));
        const QByteArray cost = lines[i][column("cost_usd")];
        QCOMPARE(cost.isEmpty(), !row.cost.has_value());
        if (row.cost) {
            sum += *Money::parse(cost);
            expected += *row.cost;
        }
        const QByteArray time = lines[i][column("started_at")];
        const auto second =
            QDateTime::fromString(QString::fromLatin1(time.left(19)) + u'Z', Qt::ISODate);
        QCOMPARE(second.toSecsSinceEpoch(), row.startedAtUs / 1'000'000);
        QVERIFY(time.endsWith("Z"));
        QCOMPARE(time.mid(20, 6).toLongLong(), row.startedAtUs % 1'000'000);
    }
    QCOMPARE(sum.toString(), expected.toString());
}

void TestLedgerExport::jsonLines()
{
    LedgerReader reader;
    QVERIFY(reader.open(m_database));
    RequestFilter filter;
    filter.keyId = 9;
    QByteArray bytes;
    const auto written = LedgerExport::writeRows(reader, filter, LedgerExport::Format::JsonLines,
                                                 [&bytes](QByteArrayView piece) {
                                                     bytes += piece;
                                                     return true;
                                                 });
    QVERIFY(written && *written);
    const auto found = reader.find(filter, kRows);
    const auto lines = bytes.split('\n');
    QCOMPARE(size_t(lines.size()), found->size() + 1);
    for (qsizetype i = 0; i + 1 < lines.size(); ++i) {
        const auto line = QJsonDocument::fromJson(lines[i]).object();
        const LedgerRow &row = (*found)[found->size() - 1 - size_t(i)].row;
        QCOMPARE(line.value(QLatin1String("request_id")).toString().toUtf8(), row.requestId);
        QCOMPARE(line.value(QLatin1String("status")).toInt(), row.status);
        QCOMPARE(line.value(QLatin1String("cost_usd")).isNull(), !row.cost.has_value());
        if (row.cost) {
            QCOMPARE(line.value(QLatin1String("cost_usd")).toString().toUtf8(),
                     row.cost->toString());
        }
    }
}

void TestLedgerExport::formulasAreHarmless()
{
    UsageQuery query;
    query.groupBy = UsageQuery::By::Model;
    const QList<QByteArray> names{"=1+1",          "+1",   "-1",     "@SUM(A1)", "\t=1", "a,b",
                                  "say \"hello\"", "a\nb", "gpt-4o", "möndel",   "\r=1"};
    UsageResult usage;
    usage.series.resize(1);
    for (int i = 0; i < names.size(); ++i) {
        usage.groups.push_back({0, QString::fromUtf8(names[i]), false});
        usage.cells.push_back({i, 0, {}});
    }
    QByteArray csv;
    QVERIFY(LedgerExport::writeUsage(query, usage, LedgerExport::Format::Csv,
                                     [&csv](QByteArrayView piece) {
                                         csv += piece;
                                         return true;
                                     }));
    const auto lines = readCsv(csv);
    QCOMPARE(lines.size(), size_t(names.size() + 1));
    for (int i = 0; i < names.size(); ++i) {
        const QByteArray cell = lines[size_t(i) + 1][0];
        const bool formula = QByteArray("=+-@\t\r").contains(names[i][0]);
        QCOMPARE(cell, formula ? QByteArray('\'' + names[i]) : names[i]);
    }
    QByteArray json;
    QVERIFY(LedgerExport::writeUsage(query, usage, LedgerExport::Format::JsonLines,
                                     [&json](QByteArrayView piece) {
                                         json += piece;
                                         return true;
                                     }));
    const auto objects = json.split('\n');
    for (int i = 0; i < names.size(); ++i) {
        QCOMPARE(QJsonDocument::fromJson(objects[i])
                     .object()
                     .value(QLatin1String("model"))
                     .toString()
                     .toUtf8(),
                 names[i]);
    }
}

void TestLedgerExport::stopsWhenTheSinkDoes()
{
    LedgerReader reader;
    QVERIFY(reader.open(m_database));
    int pieces = 0;
    const auto written = LedgerExport::writeRows(
        reader, {}, LedgerExport::Format::Csv, [&pieces](QByteArrayView) { return ++pieces < 3; });
    QVERIFY(written);
    QVERIFY(!*written);
    QCOMPARE(pieces, 3);
}

void TestLedgerExport::usageAsCsvAndJson()
{
    UsageReader reader;
    QVERIFY(reader.open(m_database));
    UsageQuery query;
    query.fromUs = kFromUs;
    query.toUs = kFromUs + 10 * kDayUs;
    query.groupBy = UsageQuery::By::Day;
    query.seriesBy = UsageQuery::By::Key;
    const auto usage = reader.usage(query);
    QVERIFY(usage);
    QByteArray bytes;
    QVERIFY(LedgerExport::writeUsage(query, *usage, LedgerExport::Format::Csv,
                                     [&bytes](QByteArrayView piece) {
                                         bytes += piece;
                                         return true;
                                     }));
    const auto lines = readCsv(bytes);
    QCOMPARE(lines.size(), usage->cells.size() + 1);
    QCOMPARE(lines[0].mid(0, 4), (QList<QByteArray>{"start", "key_id", "key", "requests"}));
    Money sum;
    for (size_t i = 1; i < lines.size(); ++i) {
        sum += *Money::parse(lines[i][lines[0].indexOf("cost_usd")]);
    }
    QCOMPARE(sum.toString(), usage->total.cost.toString());
}

void TestLedgerExport::emptyCsvHasAHeader()
{
    LedgerReader reader;
    QVERIFY(reader.open(m_database));
    RequestFilter filter;
    filter.keyId = 4711;
    for (const auto format : {LedgerExport::Format::Csv, LedgerExport::Format::JsonLines}) {
        QByteArray bytes;
        const auto written =
            LedgerExport::writeRows(reader, filter, format, [&bytes](QByteArrayView piece) {
                bytes += piece;
                return true;
            });
        QVERIFY(written && *written);
        if (format == LedgerExport::Format::Csv) {
            QVERIFY(bytes.startsWith("id,request_id,"));
            QCOMPARE(bytes.count('\n'), 1);
        } else {
            QVERIFY(bytes.isEmpty());
        }
    }
}

QTEST_GUILESS_MAIN(TestLedgerExport)
#include "tst_ledgerexport.moc"
