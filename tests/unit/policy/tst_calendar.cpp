// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/policy/calendar.h"

#include <QDateTime>
#include <QTest>

#include <random>

using namespace tidegate;

namespace {

qint64 us(const char *iso)
{
    return QDateTime::fromString(QString::fromLatin1(iso), Qt::ISODate).toMSecsSinceEpoch() * 1000;
}

QByteArray iso(qint64 wallUs)
{
    return QDateTime::fromMSecsSinceEpoch(wallUs / 1000, QTimeZone::utc())
        .toString(Qt::ISODateWithMs)
        .toLatin1();
}

QDate localDate(const QTimeZone &zone, qint64 wallUs)
{
    return QDateTime::fromMSecsSinceEpoch(wallUs / 1000, QTimeZone::utc()).toTimeZone(zone).date();
}

} // namespace

/// Calendar. The golden days were worked out with another implementation of the time zones.
class TestCalendar : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void knownWindows_data();
    void knownWindows();
    void windowsTileTime_data();
    void windowsTileTime();
    void daysBeginWithTheirDate();
    void hoursFollowTheLocalClock();
    void totalNeverEnds();
    void unknownZoneIsUtc();
    void fastEnough();
};

void TestCalendar::knownWindows_data()
{
    QTest::addColumn<BudgetPeriod>("period");
    QTest::addColumn<QByteArray>("zone");
    QTest::addColumn<QByteArray>("start");
    QTest::addColumn<QByteArray>("end");
    const auto row = [](const char *name, BudgetPeriod period, const char *zone, const char *start,
                        const char *end) {
        QTest::newRow(name) << period << QByteArray(zone) << QByteArray(start) << QByteArray(end);
    };
    using enum BudgetPeriod;
    row("23 hours", Day, "Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
    row("25 hours", Day, "Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
    row("25 hours in 2045", Day, "Europe/Berlin", "2045-10-28T22:00:00Z", "2045-10-29T23:00:00Z");
    row("no midnight in Havana", Day, "America/Havana", "2026-03-08T05:00:00Z",
        "2026-03-09T04:00:00Z");
    row("two midnights in Havana", Day, "America/Havana", "2026-11-01T04:00:00Z",
        "2026-11-02T05:00:00Z");
    row("no midnight in Cairo", Day, "Africa/Cairo", "2026-04-23T22:00:00Z",
        "2026-04-24T21:00:00Z");
    row("no midnight in Beirut", Day, "Asia/Beirut", "2026-03-28T22:00:00Z",
        "2026-03-29T21:00:00Z");
    row("no midnight in Tehran", Day, "Asia/Tehran", "2021-03-21T20:30:00Z",
        "2021-03-22T19:30:00Z");
    row("no midnight in Sao Paulo", Day, "America/Sao_Paulo", "2018-11-04T03:00:00Z",
        "2018-11-05T02:00:00Z");
    row("back to yesterday in St John's", Day, "America/St_Johns", "2010-11-07T02:30:00Z",
        "2010-11-08T03:30:00Z");
    row("the day before the one that Samoa skipped", Day, "Pacific/Apia", "2011-12-29T10:00:00Z",
        "2011-12-30T10:00:00Z");
    row("a month without a day", Month, "Pacific/Apia", "2011-12-01T10:00:00Z",
        "2011-12-31T10:00:00Z");
    row("45 minutes", Day, "Asia/Kathmandu", "2026-05-31T18:15:00Z", "2026-06-01T18:15:00Z");
    row("45 minutes and DST", Day, "Pacific/Chatham", "2026-09-26T11:15:00Z",
        "2026-09-27T10:15:00Z");
    row("DST of half an hour", Day, "Australia/Lord_Howe", "2026-04-04T13:00:00Z",
        "2026-04-05T13:30:00Z");
    row("month with DST", Month, "America/New_York", "2026-11-01T04:00:00Z",
        "2026-12-01T05:00:00Z");
    row("29 February", Month, "Asia/Kolkata", "2028-01-31T18:30:00Z", "2028-02-29T18:30:00Z");
    row("no 29 February in 2100", Month, "Europe/London", "2100-02-01T00:00:00Z",
        "2100-03-01T00:00:00Z");
    row("December", Month, "UTC", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z");
    row("week from Monday, with DST", Week, "Europe/Berlin", "2026-03-22T23:00:00Z",
        "2026-03-29T22:00:00Z");
    row("week that ends with no midnight", Week, "America/Havana", "2026-03-02T05:00:00Z",
        "2026-03-09T04:00:00Z");
    row("week over the year's end", Week, "UTC", "2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z");
    row("hour", Hour, "UTC", "2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z");
    row("hour of 45 minutes' offset", Hour, "Asia/Kathmandu", "2026-01-01T10:15:00Z",
        "2026-01-01T11:15:00Z");
    row("an hour that comes twice, first", Hour, "Europe/Berlin", "2026-10-25T00:00:00Z",
        "2026-10-25T01:00:00Z");
    row("an hour that comes twice, second", Hour, "Europe/Berlin", "2026-10-25T01:00:00Z",
        "2026-10-25T02:00:00Z");
    // Lord Howe puts its clock from 02:00 back to 01:30.
    row("an hour cut short", Hour, "Australia/Lord_Howe", "2026-04-04T15:00:00Z",
        "2026-04-04T15:30:00Z");
}

void TestCalendar::knownWindows()
{
    QFETCH(BudgetPeriod, period);
    QFETCH(QByteArray, zone);
    QFETCH(QByteArray, start);
    QFETCH(QByteArray, end);
    const QTimeZone timeZone(zone);
    if (!timeZone.isValid()) {
        QSKIP("this machine does not know the zone");
    }
    const qint64 startUs = us(start);
    const qint64 endUs = us(end);
    for (const qint64 at : {startUs, startUs + 1, startUs + (endUs - startUs) / 2, endUs - 1}) {
        const BudgetWindow window = Calendar::window(period, timeZone, at);
        QCOMPARE(iso(window.startUs), iso(startUs));
        QCOMPARE(iso(window.endUs), iso(endUs));
    }
    QVERIFY(!Calendar::window(period, timeZone, startUs - 1).contains(startUs));
    QCOMPARE(Calendar::window(period, timeZone, endUs).startUs, endUs);
}

void TestCalendar::windowsTileTime_data()
{
    QTest::addColumn<BudgetPeriod>("period");
    QTest::newRow("hour") << BudgetPeriod::Hour;
    QTest::newRow("day") << BudgetPeriod::Day;
    QTest::newRow("week") << BudgetPeriod::Week;
    QTest::newRow("month") << BudgetPeriod::Month;
}

// In every zone, at random times and around each change of its clock from 1980 to 2050.
void TestCalendar::windowsTileTime()
{
    QFETCH(BudgetPeriod, period);
    std::mt19937_64 random(42);
    constexpr qint64 kFrom = 315'532'800'000'000;
    constexpr qint64 kTo = 2'524'608'000'000'000;
    const qint64 longest = period == BudgetPeriod::Hour   ? 3'600'000'000
                           : period == BudgetPeriod::Day  ? 49 * 3'600'000'000
                           : period == BudgetPeriod::Week ? 8 * 86'400'000'000
                                                          : 32 * 86'400'000'000;
    int checked = 0;
    const QList<QByteArray> ids = QTimeZone::availableTimeZoneIds();
    for (const QByteArray &id : ids) {
        const QTimeZone zone(id);
        std::vector<qint64> times;
        for (int i = 0; i < 6; ++i) {
            times.push_back(std::uniform_int_distribution<qint64>(kFrom, kTo)(random));
        }
        const auto transitions =
            zone.transitions(QDateTime::fromMSecsSinceEpoch(1'230'768'000'000, QTimeZone::utc()),
                             QDateTime::fromMSecsSinceEpoch(1'388'534'400'000, QTimeZone::utc()));
        for (const QTimeZone::OffsetData &transition : transitions) {
            const qint64 atUs = transition.atUtc.toMSecsSinceEpoch() * 1000;
            times.insert(times.end(), {atUs - 1, atUs, atUs + 1'800'000'000});
        }
        for (const qint64 at : times) {
            const BudgetWindow window = Calendar::window(period, zone, at);
            const QByteArray what =
                id + " at " + iso(at) + ": " + iso(window.startUs) + " to " + iso(window.endUs);
            QVERIFY2(window.contains(at), what);
            QVERIFY2(window.endUs - window.startUs <= longest, what);
            QVERIFY2(Calendar::window(period, zone, window.startUs) == window, what);
            QVERIFY2(Calendar::window(period, zone, window.endUs - 1) == window, what);
            QVERIFY2(Calendar::window(period, zone, window.startUs - 1).endUs == window.startUs,
                     what);
            QVERIFY2(Calendar::window(period, zone, window.endUs).startUs == window.endUs, what);
            ++checked;
        }
    }
    QVERIFY(checked > 1000);
}

void TestCalendar::daysBeginWithTheirDate()
{
    std::mt19937_64 random(43);
    const QList<QByteArray> ids = QTimeZone::availableTimeZoneIds();
    for (const QByteArray &id : ids) {
        const QTimeZone zone(id);
        for (int i = 0; i < 5; ++i) {
            const qint64 at = std::uniform_int_distribution<qint64>(946'684'800'000'000,
                                                                    2'524'608'000'000'000)(random);
            const BudgetWindow day = Calendar::window(BudgetPeriod::Day, zone, at);
            const QDate date = localDate(zone, day.startUs);
            QVERIFY2(localDate(zone, day.startUs - 1000) < date, id);
            QVERIFY2(localDate(zone, day.endUs) > date, id);

            const BudgetWindow week = Calendar::window(BudgetPeriod::Week, zone, at);
            QCOMPARE(localDate(zone, week.startUs).dayOfWeek(), int(Qt::Monday));
            const BudgetWindow month = Calendar::window(BudgetPeriod::Month, zone, at);
            QCOMPARE(localDate(zone, month.startUs).day(), 1);
            QCOMPARE(localDate(zone, month.endUs).day(), 1);
        }
    }
}

void TestCalendar::hoursFollowTheLocalClock()
{
    for (const char *id : {"Asia/Kathmandu", "Asia/Kolkata", "Pacific/Chatham", "Europe/Berlin",
                           "Australia/Lord_Howe", "America/St_Johns"}) {
        const QTimeZone zone{QByteArray(id)};
        qint64 at = us("2026-01-01T00:00:00Z");
        for (int i = 0; i < 24 * 365; ++i) {
            const BudgetWindow hour = Calendar::window(BudgetPeriod::Hour, zone, at);
            const auto local = [&](qint64 wallUs) {
                return QDateTime::fromMSecsSinceEpoch(wallUs / 1000, QTimeZone::utc())
                    .toTimeZone(zone);
            };
            QCOMPARE(local(hour.startUs).time().hour(), local(hour.endUs - 1000).time().hour());
            QCOMPARE(local(hour.startUs).offsetFromUtc(), local(hour.endUs - 1000).offsetFromUtc());
            at = hour.endUs;
        }
    }
}

void TestCalendar::totalNeverEnds()
{
    const BudgetWindow window =
        Calendar::window(BudgetPeriod::Total, QTimeZone::utc(), us("2026-01-01T00:00:00Z"));
    QCOMPARE(window, BudgetWindow());
    QVERIFY(window.contains(us("2200-01-01T00:00:00Z")));
}

void TestCalendar::unknownZoneIsUtc()
{
    const qint64 at = us("2026-06-01T12:34:56Z");
    QCOMPARE(Calendar::window(BudgetPeriod::Day, QTimeZone(QByteArray("Mars/Olympus")), at),
             Calendar::window(BudgetPeriod::Day, QTimeZone::utc(), at));
}

void TestCalendar::fastEnough()
{
    const QTimeZone zone("Europe/Berlin");
    qint64 at = us("2026-06-01T12:34:56Z");
    QBENCHMARK
    {
        at = Calendar::window(BudgetPeriod::Day, zone, at).endUs;
    }
}

QTEST_APPLESS_MAIN(TestCalendar)
#include "tst_calendar.moc"
