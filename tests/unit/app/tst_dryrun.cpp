// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/app/panelfixture.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QtTest>

using namespace tidegate;

class TestDryRun : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void theWayOfARequest();
    void nowhere();
    void whatIsAsked();
    void lanesThatArePassedOver();

private:
    /// Answers with what the test says, and remembers the question.
    class Link : public DemoLink
    {
    public:
        using DemoLink::DemoLink;
        [[nodiscard]] Result<QJsonObject> explainRoute(const QJsonObject &question) const override
        {
            asked = question;
            if (!problem.isEmpty()) {
                return Error{problem};
            }
            return answer;
        }
        QJsonObject answer;
        QString problem;
        mutable QJsonObject asked;
    };
    static QVariantMap laneOf(const DryRun &run, int index)
    {
        return run.lanes().at(index).toMap();
    }
};

void TestDryRun::theWayOfARequest()
{
    DemoLink::Options options = quietDemo();
    options.frozen = true; // otherwise a breaker opens and closes with the time of day
    const DemoLink link(options);
    DryRun run(link);
    QVERIFY(!run.isAnswered());
    run.setModel(QStringLiteral(" smart "));
    QCOMPARE(run.model(), QStringLiteral("smart"));
    QVERIFY(run.isAnswered());
    QVERIFY(run.isOk());
    QVERIFY2(run.headline().contains(QStringLiteral("openai")), qPrintable(run.headline()));
    QCOMPARE(run.lanes().size(), 3);
    QVERIFY(laneOf(run, 1).value(QStringLiteral("first")).toBool());
    QVERIFY(!laneOf(run, 2).value(QStringLiteral("available")).toBool());
    QCOMPARE(laneOf(run, 2).value(QStringLiteral("why")).toString(),
             QStringLiteral("Its key is not at hand"));
    QVERIFY(!run.facts().isEmpty());
    run.setModel(QString());
    QVERIFY(!run.isAnswered());
}

void TestDryRun::nowhere()
{
    const DemoLink link(quietDemo());
    DryRun run(link);
    run.setModel(QStringLiteral("no-such-model"));
    QVERIFY(run.isAnswered());
    QVERIFY(!run.isOk());
    QVERIFY2(run.headline().contains(QStringLiteral("404")), qPrintable(run.headline()));
    QVERIFY(run.lanes().isEmpty());
    Link broken(quietDemo());
    broken.problem = QStringLiteral("Start the gateway first.");
    DryRun other(broken);
    other.setModel(QStringLiteral("fast"));
    QVERIFY(!other.isOk());
    QCOMPARE(other.headline(), broken.problem);
}

void TestDryRun::whatIsAsked()
{
    Link link(quietDemo());
    link.answer = {{QStringLiteral("backend"), QStringLiteral("a")}};
    DryRun run(link);
    run.setModel(QStringLiteral("fast"));
    QCOMPARE(link.asked, (QJsonObject{{QStringLiteral("model"), QStringLiteral("fast")}}));
    run.setKey(QStringLiteral("ci"));
    run.setTools(true);
    QCOMPARE(link.asked, (QJsonObject{{QStringLiteral("model"), QStringLiteral("fast")},
                                      {QStringLiteral("key"), QStringLiteral("ci")},
                                      {QStringLiteral("tools"), true}}));
}

void TestDryRun::lanesThatArePassedOver()
{
    Link link(quietDemo());
    link.answer = QJsonDocument::fromJson(R"({"backend": "b", "served_model": "m",
        "lanes": [{"backend": "a", "model": "m", "available": false, "reason": "breaker_open",
                   "available_in_ms": 12400, "share": 0},
                  {"backend": "b", "model": "m", "available": true, "share": 0.75, "in_flight": 3,
                   "latency_ms": 120},
                  {"backend": "c", "model": "m", "available": true, "share": 0.25},
                  {"backend": "d", "model": "m", "available": true, "share": 0, "fallback": true}],
        "skipped": [{"step": "skipped", "backend": "e", "model": "m", "reason": "not_allowed"},
                    {"step": "skipped", "backend": "f", "model": "m", "reason": "new_reason"}],
        "hedge": {"after_ms": 900}, "mirror": {"backend": "z", "percent": 5}})")
                      .object();
    DryRun run(link);
    run.setModel(QStringLiteral("fast"));
    QCOMPARE(run.lanes().size(), 6);
    const auto why = [&run](int index) {
        return laneOf(run, index).value(QStringLiteral("why")).toString();
    };
    QCOMPARE(why(0), QStringLiteral("Its breaker is open; back in 13 s"));
    QCOMPARE(why(1), QStringLiteral("Takes the request"));
    QCOMPARE(laneOf(run, 1).value(QStringLiteral("shareText")).toString(), QStringLiteral("75 %"));
    QCOMPARE(why(2), QStringLiteral("Takes its share of the requests"));
    QVERIFY(why(3).startsWith(QStringLiteral("Fallback")));
    QCOMPARE(laneOf(run, 4).value(QStringLiteral("place")).toInt(), 0);
    QVERIFY(!laneOf(run, 4).value(QStringLiteral("available")).toBool());
    QCOMPARE(why(5), QStringLiteral("New reason"));
    QCOMPARE(run.facts().size(), 2);
}

QTEST_MAIN(TestDryRun)
#include "tst_dryrun.moc"
