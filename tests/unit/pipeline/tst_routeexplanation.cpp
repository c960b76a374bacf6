// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/routeexplanation.h"
#include "routesfixture.h"

#include <QJsonArray>
#include <QTest>

#include <cmath>

using namespace Qt::StringLiterals;
using namespace tidegate;

class RouteExplanationTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void saysWhereAndHowOften();
    void passesOverWhatIsOut();
    void changesNothing();
    void followsAffinity();
    void tellsErrors();
};

namespace {

RoutesFixture weighted()
{
    RoutesFixture fixture;
    fixture.config.backends = {backend("a"), backend("b"), backend("shadow")};
    ModelConfig model = publicModel("m", {{"a", "x", 4}, {"b", "y", 1}}, RoutingStrategy::Weighted);
    model.hedge = {true, 250};
    model.mirror = {"shadow", "s", 5};
    fixture.config.models = {model};
    fixture.build();
    return fixture;
}

QJsonObject ask(const RoutesFixture &fixture, RouteQuestion question)
{
    question.nowNs = monotonicNs();
    return explainRoute(fixture.routes(), question);
}

QStringList backendsOf(const QJsonObject &answer)
{
    QStringList names;
    for (const QJsonValue &lane : answer[u"lanes"_s].toArray()) {
        names.append(lane[u"backend"_s].toString());
    }
    return names;
}

} // namespace

void RouteExplanationTest::saysWhereAndHowOften()
{
    const RoutesFixture fixture = weighted();
    const QJsonObject answer = ask(fixture, {.model = "m"});
    QCOMPARE(answer[u"match"_s].toString(), u"public"_s);
    QCOMPARE(answer[u"strategy"_s].toString(), u"weighted"_s);
    QCOMPARE(answer[u"backend"_s].toString(), u"a"_s);
    QCOMPARE(answer[u"served_model"_s].toString(), u"x"_s);
    QCOMPARE(backendsOf(answer), QStringList({u"a"_s, u"b"_s}));
    QVERIFY(std::abs(answer[u"lanes"_s][0][u"share"_s].toDouble() - 0.8) < 0.08);
    QVERIFY(std::abs(answer[u"lanes"_s][1][u"share"_s].toDouble() - 0.2) < 0.08);
    QCOMPARE(answer[u"hedge"_s][u"after_ms"_s].toInt(), 250);
    QCOMPARE(answer[u"mirror"_s][u"backend"_s].toString(), u"shadow"_s);
    QVERIFY(answer[u"error"_s].isNull());
    QCOMPARE(ask(fixture, {.model = "m"})[u"lanes"_s][0][u"share"_s],
             answer[u"lanes"_s][0][u"share"_s]);
}

void RouteExplanationTest::passesOverWhatIsOut()
{
    const RoutesFixture fixture = weighted();
    fixture.state("a").breaker.trip(60'000, monotonicNs());
    const QJsonObject answer = ask(fixture, {.model = "m"});
    QCOMPARE(answer[u"backend"_s].toString(), u"b"_s);
    for (const QJsonValue &lane : answer[u"lanes"_s].toArray()) {
        const bool isOut = lane[u"backend"_s].toString() == u"a"_s;
        QCOMPARE(lane[u"available"_s].toBool(), !isOut);
        QCOMPARE(lane[u"share"_s].toDouble(), isOut ? 0.0 : 1.0);
        if (isOut) {
            QCOMPARE(lane[u"reason"_s].toString(), u"breaker_open"_s);
            const int left = lane[u"available_in_ms"_s].toInt();
            QVERIFY2(left > 50'000 && left <= 60'000, qPrintable(QString::number(left)));
        }
    }
    fixture.state("b").breaker.trip(std::nullopt, monotonicNs());
    const QJsonObject none = ask(fixture, {.model = "m"});
    QVERIFY(none[u"backend"_s].isNull());
    QVERIFY(none[u"summary"_s].toString().contains(u"the first can in"_s));
    fixture.state("b").draining = true;
    QCOMPARE(ask(fixture, {.model = "m"})[u"skipped"_s][0][u"reason"_s].toString(), u"draining"_s);
}

void RouteExplanationTest::changesNothing()
{
    RoutesFixture fixture;
    BackendConfig a = backend("a", {Glob("m")});
    a.keys = {Secret("sk-first-key-of-two"), Secret("sk-second-key-of-two")};
    a.keyState = KeyState::Ready;
    a.breaker.openMs = 1;
    fixture.config.backends = {a};
    fixture.build();
    LaneState &state = fixture.state("a");
    state.breaker.trip(1, monotonicNs() - 1'000'000'000);
    for (int i = 0; i < 20; ++i) {
        QCOMPARE(ask(fixture, {.model = "m"})[u"backend"_s].toString(), u"a"_s);
    }
    // The one probe is still there to be had, and no key was lent.
    QVERIFY(bool(state.breaker.acquire(monotonicNs())));
    for (const CredentialInfo &key : state.credentials.snapshot(monotonicNs())) {
        QCOMPARE(key.lent, qint64(0));
    }
}

void RouteExplanationTest::followsAffinity()
{
    RoutesFixture fixture;
    fixture.config.backends = {backend("a"), backend("b"), backend("c")};
    ModelConfig model = publicModel("m", {{"a", "x"}, {"b", "x"}, {"c", "x"}});
    model.affinity = {AffinityRule::By::Header, "x-session", 1024};
    fixture.config.models = {model};
    fixture.build();
    QSet<QString> seen;
    for (int i = 0; i < 20; ++i) {
        RouteQuestion question{.model = "m"};
        question.headers = {{"Accept", "x"}, {"X-Session", QByteArray::number(i)}};
        const QJsonObject answer = ask(fixture, question);
        QCOMPARE(answer[u"lanes"_s][0][u"share"_s].toDouble(), 1.0);
        seen.insert(answer[u"backend"_s].toString());
    }
    QCOMPARE(seen.size(), 3);
}

void RouteExplanationTest::tellsErrors()
{
    const RoutesFixture fixture = weighted();
    ClientKey key;
    key.models = {Glob("other")};
    const QJsonObject refused = ask(fixture, {.model = "m", .key = &key});
    QCOMPARE(refused[u"error"_s][u"code"_s].toString(), u"model_not_allowed"_s);
    QVERIFY(refused[u"lanes"_s].toArray().isEmpty());
    QCOMPARE(ask(fixture, {.model = "m", .backend = "nobody"})[u"error"_s][u"status"_s].toInt(),
             404);
}

QTEST_APPLESS_MAIN(RouteExplanationTest)
#include "tst_routeexplanation.moc"
