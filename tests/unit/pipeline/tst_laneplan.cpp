// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/http/httprequest.h"
#include "gateway/policy/pricetable.h"
#include "routesfixture.h"

#include <QHash>
#include <QJsonObject>
#include <QTest>

#include <cmath>

using namespace Qt::StringLiterals;
using namespace tidegate;

class LanePlanTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void allThatServeANameByPriorityThenWeight();
    void prefixes_data();
    void prefixes();
    void aliases();
    void priorityIsTheOrderWritten();
    void weightsAreKept();
    void weightZeroComesLast();
    void leastLatencyTakesTheFasterOfTwo();
    void leastBusyCountsByWeight();
    void cheapestFirstUnknownLast();
    void affinityKeepsSessionsTogether();
    void affinityMovesOnlyTheShareOfALaneThatLeaves();
    void affinityWithoutASessionFallsToTheStrategy();
    void fallbacksFollowInOrderEachLaneOnce();
    void skipsWhatCannotBeUsed();
    void saysWhyNothingIsLeft();
    void keysMayOnlyUseTheirModels();
    void wishes();
    void mirrorsAShare();
    void takesNothing();
    void modelsOverrideTimesAndRetries();
    void simpleModel();
    void weightedModelWithFallback();

private:
    // How often each backend comes first.
    static QHash<QByteArray, int> firsts(RoutesFixture &fixture, int count)
    {
        QHash<QByteArray, int> result;
        for (int i = 0; i < count; ++i) {
            ++result[fixture.plan("m").lanes.front().backend().name];
        }
        return result;
    }
};

namespace {

// Within four standard deviations of what the share says.
bool isShare(int count, int of, double share)
{
    return std::abs(count - of * share) <= 4 * std::sqrt(of * share * (1 - share)) + 1;
}

HttpRequest withSession(const QByteArray &session)
{
    HttpRequest request;
    request.head = "x-session: " + session;
    const std::string_view head(request.head.constData(), size_t(request.head.size()));
    request.fields.push_back({head.substr(0, 9), head.substr(11)});
    return request;
}

RoutesFixture threeWithAffinity()
{
    RoutesFixture fixture;
    fixture.config.backends = {backend("a"), backend("b"), backend("c")};
    ModelConfig model = publicModel("m", {{"a", "x"}, {"b", "x", 2}, {"c", "x"}});
    model.affinity = {AffinityRule::By::Header, "x-session", 1024};
    fixture.config.models = {model};
    fixture.build();
    return fixture;
}

} // namespace

void LanePlanTest::allThatServeANameByPriorityThenWeight()
{
    RoutesFixture fixture;
    fixture.config.backends = {backend("last", {Glob("m")}, 200), backend("big", {Glob("m")}, 1, 3),
                               backend("small", {Glob("m")}, 1), backend("other", {Glob("n")}),
                               backend("pattern", {Glob("m*")}, 0)};
    fixture.build();
    int bigFirst = 0;
    for (int i = 0; i < 1000; ++i) {
        const LanePlan plan = fixture.plan("m");
        QCOMPARE(plan.lanes.size(), 3);
        QVERIFY(plan.match == RouteMatch::Listed);
        QCOMPARE(plan.lanes.back().backend().name, "last");
        bigFirst += plan.lanes.front().backend().name == "big" ? 1 : 0;
    }
    QVERIFY2(isShare(bigFirst, 1000, 0.75), qPrintable(QString::number(bigFirst)));
    QCOMPARE(RoutesFixture::shown(fixture.plan("mm")), "pattern:mm");
}

void LanePlanTest::prefixes_data()
{
    QTest::addColumn<QByteArray>("model");
    QTest::addColumn<QByteArray>("expected");
    const auto row = [](const char *model, const char *expected) {
        QTest::addRow("%s", model) << QByteArray(model) << QByteArray(expected);
    };
    row("gpt-9", "openai:gpt-9");
    row("o3", "openai:o3");
    row("o3-mini", "openai:o3-mini");
    row("o3000", "echo:o3000");
    row("codestral-x", "mistral:codestral-x");
    row("claude-x", "echo:claude-x");      // no such backend
    row("gpt-listed", "local:gpt-listed"); // what is listed is more specific
    row("llama", "echo:llama");
}

void LanePlanTest::prefixes()
{
    QFETCH(QByteArray, model);
    QFETCH(QByteArray, expected);
    RoutesFixture fixture;
    BackendConfig openai = backend("openai");
    openai.type = BackendType::OpenAI;
    BackendConfig mistral = backend("mistral");
    mistral.type = BackendType::Mistral;
    BackendConfig listing = backend("listing", {Glob("gpt-1")});
    listing.type = BackendType::OpenAI; // its list says what it is for
    fixture.config.backends = {backend("local", {Glob("gpt-listed")}), listing, openai, mistral,
                               backend("echo", {Glob("e")})};
    fixture.config.defaultBackend = "echo";
    fixture.build();
    QCOMPARE(RoutesFixture::shown(fixture.plan(model)), expected);
}

void LanePlanTest::aliases()
{
    RoutesFixture fixture;
    fixture.config.backends = {backend("a", {Glob("quick-*"), Glob("quick-one-*")})};
    ModelConfig model = publicModel("fast", {{"a", "x"}});
    model.aliases = {Glob("quick"), Glob("quick-*")};
    fixture.config.models = {model};
    fixture.build();
    QCOMPARE(RoutesFixture::shown(fixture.plan("quick")), "a:x");
    QCOMPARE(fixture.plan("quick").model->name, "fast");
    QCOMPARE(RoutesFixture::shown(fixture.plan("quick-9")), "a:x");
    QCOMPARE(RoutesFixture::shown(fixture.plan("quick-one-9")), "a:quick-one-9");
    const std::vector<std::pair<QByteArray, QByteArray>> listed{{"fast", "tidegate"},
                                                                {"quick", "tidegate"}};
    QCOMPARE(fixture.routes().models(), listed);
}

void LanePlanTest::priorityIsTheOrderWritten()
{
    RoutesFixture fixture;
    fixture.config.backends = {backend("a", {}, 300), backend("b", {}, 1), backend("c")};
    fixture.config.models = {publicModel("m", {{"a", "x", 1}, {"b", "y", 9}, {"c", "z"}}),
                             publicModel("n", {{"a", "x", 1, 5}, {"b", "y", 1, 4}})};
    fixture.build();
    for (int i = 0; i < 20; ++i) {
        QCOMPARE(RoutesFixture::shown(fixture.plan("m")), "a:x b:y c:z");
        QCOMPARE(RoutesFixture::shown(fixture.plan("n")), "b:y a:x");
    }
}

void LanePlanTest::weightsAreKept()
{
    RoutesFixture fixture;
    fixture.config.backends = {backend("a"), backend("b"), backend("c")};
    fixture.config.models = {
        publicModel("m", {{"a", "x", 5}, {"b", "x", 3}, {"c", "x", 2}}, RoutingStrategy::Weighted)};
    fixture.build();
    constexpr int kCount = 20'000;
    int bAfterA = 0;
    int aFirst = 0;
    for (int i = 0; i < kCount; ++i) {
        const LanePlan plan = fixture.plan("m");
        QCOMPARE(plan.lanes.size(), 3);
        if (plan.lanes[0].backend().name == "a") {
            ++aFirst;
            bAfterA += plan.lanes[1].backend().name == "b" ? 1 : 0;
        }
    }
    QVERIFY2(isShare(aFirst, kCount, 0.5), qPrintable(QString::number(aFirst)));
    // What is left shares by its own weights.
    QVERIFY2(isShare(bAfterA, aFirst, 0.6), qPrintable(QString::number(bAfterA)));
}

void LanePlanTest::weightZeroComesLast()
{
    RoutesFixture fixture;
    fixture.config.backends = {backend("a"), backend("b"), backend("c")};
    fixture.config.models = {
        publicModel("m", {{"a", "x", 0}, {"b", "x", 1}, {"c", "x", 0}}, RoutingStrategy::Weighted)};
    fixture.build();
    QHash<QByteArray, int> last;
    for (int i = 0; i < 200; ++i) {
        const LanePlan plan = fixture.plan("m");
        QCOMPARE(plan.lanes.front().backend().name, "b");
        ++last[plan.lanes.back().backend().name];
    }
    QCOMPARE(last.size(), 2);
}

void LanePlanTest::leastLatencyTakesTheFasterOfTwo()
{
    RoutesFixture fixture;
    fixture.config.backends = {backend("fast"), backend("middle"), backend("slow")};
    fixture.config.models = {publicModel("m", {{"fast", "x"}, {"middle", "x"}, {"slow", "x"}},
                                         RoutingStrategy::LeastLatency)};
    fixture.build();
    const auto answered = [&fixture](const char *name, qint64 ms) {
        for (int i = 0; i < 50; ++i) {
            fixture.state(name).latency.answered(ms * 1'000'000, monotonicNs());
        }
    };
    answered("fast", 2000);
    answered("middle", 6000);
    answered("slow", 20'000);
    constexpr int kCount = 3000;
    QHash<QByteArray, int> counts = firsts(fixture, kCount);
    // Of three, the fastest is in two of three pairs, the slowest wins none; but for exploration.
    QVERIFY2(isShare(counts["fast"], kCount, 2.0 / 3), qPrintable(QString::number(counts["fast"])));
    QVERIFY(counts["slow"] > 0 && counts["slow"] < kCount / 20);

    // A lane that is out is not compared, and still the last resort.
    fixture.state("fast").breaker.trip(std::nullopt, monotonicNs());
    counts = firsts(fixture, kCount);
    QCOMPARE(counts["fast"], 0);
    QVERIFY(counts["middle"] > kCount * 0.9);
    QCOMPARE(fixture.plan("m").lanes.back().backend().name, "fast");
}

void LanePlanTest::leastBusyCountsByWeight()
{
    RoutesFixture fixture;
    fixture.config.backends = {backend("a"), backend("b")};
    fixture.config.models = {
        publicModel("m", {{"a", "x", 4}, {"b", "x", 1}}, RoutingStrategy::LeastBusy)};
    fixture.build();
    // With these all in flight, four in five belong to the one with four times the weight.
    for (int i = 0; i < 100; ++i) {
        fixture.plan("m").lanes.front().state().latency.started();
    }
    QCOMPARE(fixture.state("a").latency.inFlight(), 80);
    QCOMPARE(fixture.state("b").latency.inFlight(), 20);
}

void LanePlanTest::cheapestFirstUnknownLast()
{
    PriceLayer layer;
    const auto price = [&layer](const char *model, int usd) {
        PatternPrice entry;
        entry.pattern = Glob(model);
        entry.price.prices.input = Money::fromNano(usd * 1'000'000'000LL);
        entry.price.prices.output = entry.price.prices.input;
        layer.entries.push_back(entry);
    };
    price("dear", 30);
    price("cheap", 1);
    RoutesFixture fixture;
    fixture.config.prices = std::make_shared<const PriceTable>(std::vector{layer});
    BackendConfig echo = backend("echo");
    echo.type = BackendType::Echo;
    fixture.config.backends = {backend("a"), backend("b"), echo};
    fixture.config.models = {publicModel(
        "m", {{"a", "secret"}, {"a", "dear"}, {"b", "cheap"}, {"a", "cheap"}, {"echo", "e"}},
        RoutingStrategy::Cheapest)};
    fixture.build();
    QHash<QByteArray, int> orders;
    for (int i = 0; i < 200; ++i) {
        ++orders[RoutesFixture::shown(fixture.plan("m"))];
    }
    // Tidegate's own answers cost nothing; equals take turns.
    QCOMPARE(orders.size(), 2);
    QVERIFY(orders.contains("echo:e b:cheap a:cheap a:dear a:secret"));
    QVERIFY(orders.contains("echo:e a:cheap b:cheap a:dear a:secret"));
}

void LanePlanTest::affinityKeepsSessionsTogether()
{
    RoutesFixture fixture = threeWithAffinity();
    QHash<QByteArray, int> counts;
    constexpr int kSessions = 4000;
    for (int i = 0; i < kSessions; ++i) {
        const HttpRequest request = withSession("session-" + QByteArray::number(i));
        const QByteArray order = RoutesFixture::shown(fixture.plan("m", nullptr, &request));
        QCOMPARE(RoutesFixture::shown(fixture.plan("m", nullptr, &request)), order);
        ++counts[order.left(1)];
    }
    QVERIFY(isShare(counts["a"], kSessions, 0.25));
    QVERIFY(isShare(counts["b"], kSessions, 0.5));
    QVERIFY(isShare(counts["c"], kSessions, 0.25));
}

void LanePlanTest::affinityMovesOnlyTheShareOfALaneThatLeaves()
{
    RoutesFixture fixture = threeWithAffinity();
    for (int i = 0; i < 1000; ++i) {
        const HttpRequest request = withSession("session-" + QByteArray::number(i));
        const QByteArray before = RoutesFixture::shown(fixture.plan("m", nullptr, &request));
        fixture.state("b").draining = true;
        const QByteArray without = RoutesFixture::shown(fixture.plan("m", nullptr, &request));
        fixture.state("b").draining = false;
        QByteArrayList rest = before.split(' ');
        rest.removeOne("b:x");
        QCOMPARE(without, rest.join(' '));
        QCOMPARE(RoutesFixture::shown(fixture.plan("m", nullptr, &request)), before);
    }
}

void LanePlanTest::affinityWithoutASessionFallsToTheStrategy()
{
    RoutesFixture fixture = threeWithAffinity();
    const HttpRequest request;
    QCOMPARE(RoutesFixture::shown(fixture.plan("m", nullptr, &request)), "a:x b:x c:x");
    QCOMPARE(RoutesFixture::shown(fixture.plan("m")), "a:x b:x c:x");
}

void LanePlanTest::fallbacksFollowInOrderEachLaneOnce()
{
    RoutesFixture fixture;
    fixture.config.backends = {backend("a"), backend("b", {Glob("listed")}), backend("c")};
    ModelConfig m = publicModel("m", {{"a", "x"}});
    m.fallbacks = {"n", "listed", "gone"};
    ModelConfig n = publicModel("n", {{"b", "y"}, {"a", "x"}});
    n.fallbacks = {"o", "m"};
    fixture.config.models = {m, n, publicModel("o", {{"c", "z"}})};
    fixture.build();
    const LanePlan plan = fixture.plan("m");
    QCOMPARE(RoutesFixture::shown(plan), "a:x b:y b:listed c:z");
    QVERIFY(!plan.lanes[0].isFallback && plan.lanes[1].isFallback);
    QCOMPARE(plan.lanes[1].via->name, "n");
    QVERIFY(!plan.lanes[2].via);
}

void LanePlanTest::skipsWhatCannotBeUsed()
{
    RoutesFixture fixture;
    BackendConfig locked = backend("locked");
    locked.keyState = KeyState::Locked;
    BackendConfig plain = backend("plain");
    plain.toolCallParser = "none";
    fixture.config.backends = {backend("drained"), locked, plain, backend("good")};
    ModelConfig m =
        publicModel("m", {{"drained", "x"}, {"locked", "x"}, {"plain", "x"}, {"good", "x"}});
    m.fallbacks = {"n"};
    fixture.config.models = {m, publicModel("n", {{"good", "y"}})};
    fixture.build();
    fixture.state("drained").draining = true;
    ClientKey key;
    key.models = {Glob("m")};
    const LanePlan plan = fixture.plan("m", &key, nullptr, true);
    QCOMPARE(RoutesFixture::shown(plan), "good:x");
    QByteArrayList trace;
    for (const QJsonValue &step : plan.trace.toJson()) {
        trace.append(step[u"backend"_s].toString().toUtf8() + '/' +
                     step[u"model"_s].toString().toUtf8() + ' ' +
                     step[u"reason"_s].toString().toUtf8());
    }
    QCOMPARE(trace, QByteArrayList({"drained/x draining", "locked/x key_missing",
                                    "plain/x tools_unsupported", "/n not_allowed"}));
    QVERIFY(plan.trace.isEventful());
}

void LanePlanTest::saysWhyNothingIsLeft()
{
    RoutesFixture fixture;
    BackendConfig plain = backend("plain", {Glob("m")});
    plain.toolCallParser = "none";
    BackendConfig locked = backend("locked", {Glob("k")});
    locked.keyState = KeyState::Missing;
    fixture.config.backends = {plain, locked};
    fixture.build();
    QCOMPARE(fixture.plan("m").lanes.size(), 1);
    const LanePlan tools = fixture.plan("m", nullptr, nullptr, true);
    QCOMPARE(tools.error->status, 400);
    QCOMPARE(tools.error->code, "model_does_not_support_tools");
    const LanePlan key = fixture.plan("k");
    QCOMPARE(key.error->status, 503);
    QVERIFY(key.error->message.contains("key of the backend 'locked'"));
    fixture.state("plain").draining = true;
    const LanePlan drained = fixture.plan("m");
    QCOMPARE(drained.error->code, "no_backend_available");
    QVERIFY(drained.error->message.contains("out of service"));
    QCOMPARE(fixture.plan("nobody").error->code, "model_not_found");
}

void LanePlanTest::keysMayOnlyUseTheirModels()
{
    RoutesFixture fixture;
    fixture.config.backends = {backend("a", {Glob("x"), Glob("y")})};
    ModelConfig model = publicModel("fast", {{"a", "x"}});
    model.aliases = {Glob("quick")};
    fixture.config.models = {model};
    fixture.build();
    ClientKey key;
    key.models = {Glob("fast")};
    QCOMPARE(RoutesFixture::shown(fixture.plan("fast", &key)), "a:x");
    QCOMPARE(RoutesFixture::shown(fixture.plan("quick", &key)), "a:x");
    QCOMPARE(RoutesFixture::shown(fixture.plan("x", &key)), "model_not_allowed");
    QCOMPARE(RoutesFixture::shown(fixture.plan("a/x", &key)), "model_not_allowed");
}

void LanePlanTest::wishes()
{
    RoutesFixture fixture;
    fixture.config.backends = {backend("a"), backend("b")};
    ModelConfig model = publicModel("fast", {{"a", "x"}, {"b", "y"}});
    model.fallbacks = {"a/z"};
    fixture.config.models = {model};
    fixture.build();
    const auto at = [&fixture](const char *backendName, const QByteArray &name) {
        return RoutesFixture::shown(
            fixture.routes().plan({.model = name, .dice = fixture.dice, .backend = backendName}));
    };
    QCOMPARE(at("b", "fast"), "b:y");
    QCOMPARE(at("b", "b/other"), "b:other");
    QCOMPARE(at("b", "a/other"), "b:a/other");
    QCOMPARE(at("c", "fast"), "model_not_found");
    QCOMPARE(RoutesFixture::shown(fixture.plan("fast")), "a:x b:y a:z");
}

void LanePlanTest::mirrorsAShare()
{
    RoutesFixture fixture;
    fixture.config.backends = {backend("a"), backend("shadow")};
    ModelConfig model = publicModel("m", {{"a", "x"}});
    model.mirror = {"shadow", "s", 10};
    fixture.config.models = {model};
    fixture.build();
    int mirrored = 0;
    for (int i = 0; i < 2000; ++i) {
        const LanePlan plan = fixture.plan("m");
        QCOMPARE(plan.lanes.size(), 1);
        if (plan.mirror) {
            ++mirrored;
            QCOMPARE(plan.mirror->backend().name, "shadow");
            QCOMPARE(plan.mirror->model, "s");
        }
    }
    QVERIFY2(isShare(mirrored, 2000, 0.1), qPrintable(QString::number(mirrored)));
}

void LanePlanTest::takesNothing()
{
    RoutesFixture fixture;
    BackendConfig a = backend("a", {Glob("m")});
    a.keys = {Secret("sk-first-key-of-two"), Secret("sk-second-key-of-two")};
    a.keyState = KeyState::Ready;
    fixture.config.backends = {a};
    fixture.build();
    LaneState &state = fixture.state("a");
    const qint64 now = monotonicNs();
    state.breaker.trip(1, now);
    // After its time the breaker waits for a probe, and looking is not one.
    const qint64 later = now + 3'600'000'000'000;
    for (int i = 0; i < 100; ++i) {
        fixture.plan("m");
        QVERIFY(state.availability(later));
    }
    QVERIFY(bool(state.breaker.acquire(later)));
    QCOMPARE(state.credentials.snapshot(later).front().lent, qint64(0));
    QCOMPARE(state.load(), 0);
}

void LanePlanTest::modelsOverrideTimesAndRetries()
{
    RoutesFixture fixture;
    BackendConfig a = backend("a", {Glob("x")});
    a.timeouts.firstByteMs = 1;
    a.retry.maxAttempts = 7;
    fixture.config.backends = {a};
    ModelConfig model = publicModel("m", {{"a", "x"}});
    model.timeouts.firstByteMs = 5;
    model.retry.backoffMs = 9000;
    fixture.config.models = {model};
    fixture.build();
    const LanePlan own = fixture.plan("m");
    QCOMPARE(own.lanes.front().timeouts().firstByteMs, 5);
    QCOMPARE(own.lanes.front().timeouts().idleMs, a.timeouts.idleMs);
    QCOMPARE(own.lanes.front().retry().maxAttempts, 7);
    QCOMPARE(own.lanes.front().retry().backoff.baseMs, qint64(9000));
    QCOMPARE(own.lanes.front().retry().backoff.maxMs, qint64(9000));
    QCOMPARE(fixture.plan("x").lanes.front().timeouts().firstByteMs, 1);
}

void LanePlanTest::simpleModel()
{
    RoutesFixture fixture;
    fixture.config.backends = {backend("a", {Glob("gpt-4o-mini")}), backend("b", {Glob("gpt-*")})};
    fixture.build();
    const QByteArray model = "gpt-4o-mini";
    size_t lanes = 0;
    QBENCHMARK
    {
        for (int i = 0; i < 1000; ++i) {
            lanes += size_t(fixture.plan(model).lanes.size());
        }
    }
    QVERIFY(lanes >= 1000);
}

void LanePlanTest::weightedModelWithFallback()
{
    RoutesFixture fixture;
    fixture.config.backends = {backend("a"), backend("b"), backend("c")};
    ModelConfig model =
        publicModel("m", {{"a", "x", 3}, {"b", "y"}}, RoutingStrategy::LeastLatency);
    model.fallbacks = {"n"};
    fixture.config.models = {model, publicModel("n", {{"c", "z"}})};
    fixture.build();
    const QByteArray name = "m";
    size_t lanes = 0;
    QBENCHMARK
    {
        for (int i = 0; i < 1000; ++i) {
            lanes += size_t(fixture.plan(name).lanes.size());
        }
    }
    QVERIFY(lanes >= 3000);
}

QTEST_APPLESS_MAIN(LanePlanTest)
#include "tst_laneplan.moc"
