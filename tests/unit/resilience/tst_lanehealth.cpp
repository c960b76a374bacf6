// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/resilience/lanehealth.h"

#include <QTest>

using namespace Qt::StringLiterals;
using namespace tidegate;

/// What it takes to change the verdict on a backend.
class TestLaneHealth : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void theFirstFindingCountsAtOnce_data()
    {
        QTest::addColumn<BackendHealth>("found");
        QTest::newRow("healthy") << BackendHealth::Healthy;
        QTest::newRow("loading") << BackendHealth::Loading;
        QTest::newRow("unhealthy") << BackendHealth::Unhealthy;
    }
    void theFirstFindingCountsAtOnce()
    {
        QFETCH(BackendHealth, found);
        LaneHealth health;
        health.configure(5, 5);
        QVERIFY(health.isWell());
        health.found({found, u"why"_s}, 7);
        QCOMPARE(health.verdict(), found);
        QCOMPARE(health.isWell(), found == BackendHealth::Healthy);
        QCOMPARE(health.snapshot().reason, u"why"_s);
        QCOMPARE(health.snapshot().checkedNs, qint64(7));
    }

    void manyFindings_data()
    {
        QTest::addColumn<QByteArray>("findings"); // g: good, b: bad, l: loading
        QTest::addColumn<QByteArray>("verdicts");
        QTest::newRow("three bad ones in a row") << QByteArray("gbbb") << QByteArray("gggb");
        QTest::newRow("a good one between") << QByteArray("gbbgbb") << QByteArray("gggggg");
        QTest::newRow("two good ones in a row") << QByteArray("bgbgg") << QByteArray("bbbbg");
        QTest::newRow("loading counts at once") << QByteArray("glgg") << QByteArray("gllg");
        QTest::newRow("loading begins anew") << QByteArray("bglgg") << QByteArray("bbllg");
        QTest::newRow("down while loading") << QByteArray("lbbb") << QByteArray("lllb");
    }
    void manyFindings()
    {
        QFETCH(QByteArray, findings);
        QFETCH(QByteArray, verdicts);
        const auto of = [](char letter) {
            return letter == 'g'   ? BackendHealth::Healthy
                   : letter == 'b' ? BackendHealth::Unhealthy
                                   : BackendHealth::Loading;
        };
        LaneHealth health;
        health.configure(2, 3);
        for (qsizetype i = 0; i < findings.size(); ++i) {
            health.found({of(findings[i]), {}}, i);
            QCOMPARE(health.verdict(), of(verdicts[i]));
        }
    }

    void theReasonIsTheVerdicts()
    {
        LaneHealth health;
        health.configure(1, 2);
        health.found({BackendHealth::Healthy, u"refuses the key"_s}, 1);
        health.found({BackendHealth::Unhealthy, u"timeout"_s}, 2);
        QCOMPARE(health.snapshot().reason, u"refuses the key"_s);
        QCOMPARE(health.snapshot().checkedNs, qint64(2));
        health.found({BackendHealth::Unhealthy, u"refused"_s}, 3);
        QCOMPARE(health.snapshot().reason, u"refused"_s);
        health.found({BackendHealth::Unhealthy, u"timeout"_s}, 4);
        QCOMPARE(health.snapshot().reason, u"timeout"_s);
        health.forget();
        QCOMPARE(health.verdict(), BackendHealth::Unknown);
        QVERIFY(health.snapshot().reason.isEmpty());
        health.found({BackendHealth::Unhealthy, {}}, 5); // the first again
        QCOMPARE(health.verdict(), BackendHealth::Unhealthy);
    }

    void nothingFoundSaysNothing()
    {
        LaneHealth health;
        health.found({BackendHealth::Unknown, u"x"_s}, 1);
        QCOMPARE(health.verdict(), BackendHealth::Unknown);
        QCOMPARE(health.snapshot().checkedNs, qint64(0));
    }
};

QTEST_GUILESS_MAIN(TestLaneHealth)
#include "tst_lanehealth.moc"
