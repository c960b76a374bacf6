// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/resilience/httpdate.h"
#include "gateway/resilience/retryafter.h"

#include <QDateTime>
#include <QLocale>
#include <QTest>
#include <QTimeZone>

#include <random>
#include <vector>

using namespace tidegate;

namespace {

using Fields = std::vector<std::pair<QByteArray, QByteArray>>;

// 2026-01-31 12:00:00 UTC, a Saturday.
constexpr qint64 kNowMs = 1'769'860'800'000;

std::optional<RetryAfter> read(const Fields &fields, const QByteArray &body = {})
{
    std::vector<std::pair<std::string_view, std::string_view>> views;
    for (const auto &[name, value] : fields) {
        views.emplace_back(std::string_view(name.constData(), size_t(name.size())),
                           std::string_view(value.constData(), size_t(value.size())));
    }
    return readRetryAfter(views, {body.constData(), size_t(body.size())}, kNowMs * 1000);
}

std::string_view view(const QByteArray &text)
{
    return {text.constData(), size_t(text.size())};
}

} // namespace

/// Retry-After in all its spellings, and which one counts.
class TestRetryAfter : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void spellings_data();
    void spellings();
    void hostile_data();
    void hostile();
    void whichCounts();
    void clockOfTheServerCounts();
    void retryInfo();
    void datesOfAllYears();
    void badDates();
    void rfc3339();
    void all();
};

void TestRetryAfter::spellings_data()
{
    QTest::addColumn<QByteArray>("name");
    QTest::addColumn<QByteArray>("value");
    QTest::addColumn<qint64>("ms");
    QTest::addColumn<bool>("capped");
    const auto row = [](const QByteArray &name, const QByteArray &value, qint64 ms,
                        bool capped = false) {
        QTest::addRow("%s: %s", name.constData(), value.constData())
            << name << value << ms << capped;
    };
    constexpr qint64 kDay = RetryAfter::kMaxMs;
    row("retry-after", "2", 2000);
    row("retry-after", "120", 120'000);
    row("retry-after", "0", 0);
    row("retry-after", " 7 ", 7000);
    row("retry-after", "1.5", 1500);
    row("retry-after", "0.0001", 1); // rounded up
    row("retry-after", "86400", kDay);
    row("retry-after", "86401", kDay, true);
    row("retry-after", "432000", kDay, true); // 120 h
    row("retry-after", "Sat, 31 Jan 2026 12:00:30 GMT", 30'000);
    row("retry-after", "Saturday, 31-Jan-26 12:00:30 GMT", 30'000);
    row("retry-after", "Sat Jan 31 12:00:30 2026", 30'000);
    row("retry-after", "Sun Feb  1 11:59:59 2026", 86'399'000);
    row("retry-after", "Thu, 05 Feb 2026 12:00:00 GMT", kDay, true);
    row("retry-after", "Sat, 31 Jan 2026 11:00:00 GMT", 0); // past: at once
    row("retry-after", "1769860830", 30'000);               // seconds since 1970, against the RFC
    row("retry-after-ms", "250", 250);
    row("retry-after-ms", "1500.5", 1501);
    row("retry-after-ms", "999999999999", kDay, true);
    row("x-ratelimit-reset-requests", "6m0s", 360'000);
    row("x-ratelimit-reset-tokens", "1.2s", 1200);
    row("x-ratelimit-reset-tokens", "20ms", 20);
    row("x-ratelimit-reset-tokens", "1h2m3.5s", 3'723'500);
    row("x-ratelimit-reset-requests", "1d", kDay);
    row("x-ratelimit-reset-requests", "120h", kDay, true);
    row("x-ratelimit-reset-requests", "59", 59'000);
    row("x-ratelimit-reset-tokens-minute", "11.38", 11'380);
    row("x-ratelimit-reset", "1769860860", 60'000);    // seconds
    row("x-ratelimit-reset", "1769860860000", 60'000); // milliseconds
    row("x-ratelimit-reset", "1769860700", 0);
    row("ratelimit-reset", "30", 30'000);
    row("anthropic-ratelimit-requests-reset", "2026-01-31T12:00:12Z", 12'000);
    row("anthropic-ratelimit-input-tokens-reset", "2026-01-31T13:00:12.25+01:00", 12'250);
    row("anthropic-ratelimit-unified-reset", "1769860920", 120'000);
}

void TestRetryAfter::spellings()
{
    QFETCH(const QByteArray, name);
    QFETCH(const QByteArray, value);
    const auto found = read({{"content-type", "application/json"}, {name, value}});
    QVERIFY(found);
    QTEST(found->ms, "ms");
    QTEST(found->capped, "capped");
    QCOMPARE(found->source, name.startsWith("retry-after") ? "retry-after" : "reset");
}

void TestRetryAfter::hostile_data()
{
    QTest::addColumn<QByteArray>("value");
    for (const char *value : {"",
                              " ",
                              "-1",
                              "-0",
                              "+5",
                              "abc",
                              "1e9",
                              "1e999",
                              "inf",
                              "nan",
                              "NaN",
                              "0x10",
                              "5 s",
                              "5,5",
                              "1.2.3",
                              ".",
                              "1_000",
                              "--",
                              "99999999999999999999999999",
                              "999999999999999",
                              "5\xc2\xa0",
                              "Sat, 31 Jan 2026 12:00:30",
                              "Sat, 31 Jan 2026 25:00:30 GMT",
                              "Sat, 32 Jan 2026 12:00:30 GMT",
                              "Sat, 31 Foo 2026 12:00:30 GMT",
                              "m",
                              "1x",
                              "2026-13-01T00:00:00Z",
                              "2026-01-31T12:00:00",
                              "2026-01-31T12:00:00.Z"}) {
        QTest::newRow(*value ? value : "(empty)") << QByteArray(value);
    }
    QTest::newRow("long") << QByteArray(100'000, '9');
    QTest::newRow("long with a point") << "0." + QByteArray(100'000, '1');
}

void TestRetryAfter::hostile()
{
    QFETCH(const QByteArray, value);
    for (const char *name : {"retry-after", "retry-after-ms", "x-ratelimit-reset-requests",
                             "anthropic-ratelimit-tokens-reset"}) {
        const auto found = read({{name, value}});
        // A number of milliseconds may be large; that is capped, not ignored.
        const bool isLargeMs =
            QByteArray(name) == "retry-after-ms" && value.size() < 64 && value.startsWith("99");
        QVERIFY2(isLargeMs ? found && found->capped : !found, name);
    }
    // It must not hide a good one.
    const auto found = read({{"retry-after", value}, {"x-ratelimit-reset-requests", "3s"}});
    QVERIFY(found);
    QCOMPARE(found->ms, 3000);
}

void TestRetryAfter::whichCounts()
{
    QVERIFY(!read({}));
    QVERIFY(!read({{"x-request-id", "5"}, {"x-ratelimit-limit-requests", "60"}}));
    // The precise one of the two that say the same.
    QCOMPARE(read({{"retry-after", "2"}, {"retry-after-ms", "1500"}})->ms, 1500);
    // What is asked for outright, not when everything is there again.
    QCOMPARE(read({{"x-ratelimit-remaining-requests", "0"},
                   {"x-ratelimit-reset-requests", "6m0s"},
                   {"retry-after", "2"}})
                 ->ms,
             2000);
    // The latest limit among those used up.
    const Fields limits = {{"x-ratelimit-remaining-requests", "59"},
                           {"x-ratelimit-reset-requests", "6m0s"},
                           {"x-ratelimit-remaining-tokens", "0"},
                           {"x-ratelimit-reset-tokens", "1.2s"}};
    QCOMPARE(read(limits)->ms, 1200);
    Fields both = limits;
    both[0].second = "0";
    QCOMPARE(read(both)->ms, 360'000);
    Fields none = limits;
    none[2].second = "100";
    QVERIFY(!read(none));
    QCOMPARE(read({{"anthropic-ratelimit-requests-remaining", "49"},
                   {"anthropic-ratelimit-requests-reset", "2026-01-31T12:01:00Z"},
                   {"anthropic-ratelimit-input-tokens-remaining", "0"},
                   {"anthropic-ratelimit-input-tokens-reset", "2026-01-31T12:00:20Z"}})
                 ->ms,
             20'000);
    QCOMPARE(read({{"anthropic-ratelimit-unified-5h-status", "rejected"},
                   {"anthropic-ratelimit-unified-5h-reset", "1769864400"},
                   {"anthropic-ratelimit-unified-7d-status", "allowed"},
                   {"anthropic-ratelimit-unified-7d-reset", "1770400000"}})
                 ->ms,
             3'600'000);
}

void TestRetryAfter::clockOfTheServerCounts()
{
    // The server's clock is an hour ahead: it means 30 s all the same.
    QCOMPARE(read({{"date", "Sat, 31 Jan 2026 13:00:00 GMT"},
                   {"retry-after", "Sat, 31 Jan 2026 13:00:30 GMT"}})
                 ->ms,
             30'000);
    QCOMPARE(read({{"date", "Sat, 31 Jan 2026 11:00:00 GMT"},
                   {"anthropic-ratelimit-tokens-reset", "2026-01-31T11:00:05Z"}})
                 ->ms,
             5000);
    QCOMPARE(read({{"date", "yesterday"}, {"retry-after", "Sat, 31 Jan 2026 12:00:30 GMT"}})->ms,
             30'000);
}

void TestRetryAfter::retryInfo()
{
    const auto body = [](const QByteArray &delay) -> QByteArray {
        return R"({"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"@type":)"
               R"("type.googleapis.com/google.rpc.QuotaFailure"},{"@type":)"
               R"("type.googleapis.com/google.rpc.RetryInfo","retryDelay":")" +
               delay + R"("}]}})";
    };
    const auto found = read({}, body("34s"));
    QVERIFY(found);
    QCOMPARE(found->ms, 34'000);
    QCOMPARE(found->source, "retry_info");
    QCOMPARE(read({}, body("34.074824224s"))->ms, 34'075);
    const auto days = read({}, body("432000s"));
    QVERIFY(days && days->capped);
    QCOMPARE(days->ms, RetryAfter::kMaxMs);
    QCOMPARE(read({{"retry-after", "10"}}, body("34s"))->ms, 34'000);
    QCOMPARE(read({{"retry-after", "60"}}, body("34s"))->ms, 60'000);
    QVERIFY(!read({}, body("-34s")));
    QVERIFY(!read({}, body("soon")));
    QVERIFY(!read({}, body("34")));
    QVERIFY(!read({}, "retryDelay: 34s"));
    QVERIFY(!read({}, body("34s").left(60)));
}

void TestRetryAfter::datesOfAllYears()
{
    const QLocale c = QLocale::c();
    std::mt19937_64 random(7);
    std::uniform_int_distribution<qint64> seconds(0, qint64(130) * 366 * 86400);
    for (int i = 0; i < 20'000; ++i) {
        const qint64 ms = seconds(random) * 1000;
        const QDateTime time = QDateTime::fromMSecsSinceEpoch(ms, QTimeZone::utc());
        const auto text = [&](const char *format) {
            return c.toString(time, QLatin1StringView(format)).toLatin1();
        };
        QCOMPARE(parseHttpDate(view(text("ddd, dd MMM yyyy HH:mm:ss 'GMT'")), kNowMs), ms);
        const QByteArray day = QByteArray::number(time.date().day()).rightJustified(2, ' ');
        QCOMPARE(parseHttpDate(view(text("ddd MMM ") + day + text(" HH:mm:ss yyyy")), kNowMs), ms);
        if (time.date().year() < 2076 && time.date().year() > 1976) {
            QCOMPARE(parseHttpDate(view(text("dddd, dd-MMM-yy HH:mm:ss 'GMT'")), kNowMs), ms);
        }
        QCOMPARE(parseRfc3339(view(text("yyyy-MM-dd'T'HH:mm:ss'Z'"))), ms);
    }
}

void TestRetryAfter::badDates()
{
    const QByteArray good = "Sun, 06 Nov 1994 08:49:37 GMT";
    QCOMPARE(parseHttpDate(view(good), kNowMs), 784'111'777'000);
    for (qsizetype i = 0; i < good.size(); ++i) {
        QVERIFY(!parseHttpDate(view(good.left(i)), kNowMs));
        QByteArray broken = good;
        broken[i] = '\x01';
        QVERIFY2(!parseHttpDate(view(broken), kNowMs), broken.constData());
    }
    QVERIFY(!parseHttpDate(view(good + ' '), kNowMs));
    QVERIFY(!parseHttpDate("Sat, 29 Feb 2025 00:00:00 GMT", kNowMs));
    QVERIFY(parseHttpDate("Thu, 29 Feb 2024 00:00:00 GMT", kNowMs));
    // A leap second is the one after.
    QCOMPARE(parseHttpDate("Sat, 31 Dec 2016 23:59:60 GMT", kNowMs), 1'483'228'800'000);
}

void TestRetryAfter::rfc3339()
{
    QCOMPARE(parseRfc3339("2026-01-31T12:00:00Z"), kNowMs);
    QCOMPARE(parseRfc3339("2026-01-31t12:00:00z"), kNowMs);
    QCOMPARE(parseRfc3339("2026-01-31T12:00:00.5Z"), kNowMs + 500);
    QCOMPARE(parseRfc3339("2026-01-31T12:00:00.123456789Z"), kNowMs + 123);
    QCOMPARE(parseRfc3339("2026-01-31T17:30:00+05:30"), kNowMs);
    QCOMPARE(parseRfc3339("2026-01-31T08:00:00-04:00"), kNowMs);
    for (const char *text : {"2026-01-31", "2026-01-31T12:00", "2026-01-31T12:00:00+0530",
                             "2026-01-31T12:00:00+24:00", "2026-02-30T12:00:00Z", "T12:00:00Z"}) {
        QVERIFY2(!parseRfc3339(text), text);
    }
}

void TestRetryAfter::all()
{
    const std::vector<std::pair<std::string_view, std::string_view>> fields = {
        {"content-type", "application/json"},      {"x-ratelimit-limit-requests", "60"},
        {"x-ratelimit-remaining-requests", "0"},   {"x-ratelimit-reset-requests", "1s"},
        {"x-ratelimit-limit-tokens", "150000"},    {"x-ratelimit-remaining-tokens", "149984"},
        {"x-ratelimit-reset-tokens", "6m0s"},      {"x-request-id", "req_0123456789"},
        {"date", "Sat, 31 Jan 2026 12:00:00 GMT"}, {"server", "cloudflare"}};
    QBENCHMARK
    {
        const auto found = readRetryAfter(fields, {}, kNowMs * 1000);
        Q_UNUSED(found)
    }
}

QTEST_APPLESS_MAIN(TestRetryAfter)
#include "tst_retryafter.moc"
