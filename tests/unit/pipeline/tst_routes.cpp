// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/routes.h"

#include <QTest>

using namespace tidegate;

class RoutesTest : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void resolves_data();
    void resolves();
    void prefersWhatAnswersAmongTheUnlisted();
    void inactiveBackendsGetNothing();
    void modelList();
    void mayUse();
};

namespace {

BackendConfig backend(const char *name, std::vector<Glob> models, int priority = 100)
{
    BackendConfig config;
    config.name = name;
    config.type = BackendType::Local;
    config.models = std::move(models);
    config.priority = priority;
    return config;
}

ModelConfig publicModel(const char *name, std::vector<ModelTarget> targets)
{
    ModelConfig model;
    model.name = name;
    model.targets = std::move(targets);
    return model;
}

Routes routesFor(std::vector<BackendConfig> backends, const QByteArray &defaultBackend = {},
                 const DiscoveredModels &discovered = {}, std::vector<ModelConfig> models = {})
{
    auto config = std::make_shared<ConfigSnapshot>();
    config->backends = std::move(backends);
    config->models = std::move(models);
    config->defaultBackend = defaultBackend;
    std::vector<LaneStatePtr> states;
    for (const BackendConfig &b : config->backends) {
        states.push_back(std::make_shared<LaneState>(b.name));
    }
    return {config, states, discovered};
}

// "backend:model", or the error's code.
QByteArray resolved(const Routes &routes, const char *model, const char *wish = "")
{
    LaneDice dice(0);
    const LanePlan plan = routes.plan({.model = model, .dice = dice, .backend = wish});
    if (plan.error) {
        return plan.error->code;
    }
    const PlannedLane &lane = plan.lanes.front();
    return lane.backend().name + ':' + lane.model;
}

} // namespace

void RoutesTest::resolves_data()
{
    QTest::addColumn<QByteArray>("model");
    QTest::addColumn<QByteArray>("wish");
    QTest::addColumn<QByteArray>("expected");
    const auto row = [](const char *model, const char *wish, const char *expected) {
        QTest::addRow("%s|%s", model, wish)
            << QByteArray(model) << QByteArray(wish) << QByteArray(expected);
    };
    row("gpt-4o", "", "openai:gpt-4o");          // exact beats the pattern
    row("gpt-4o-mini", "", "azure:gpt-4o-mini"); // the longer pattern beats the shorter
    row("gpt-3", "", "openai:gpt-3");
    row("fast", "", "local:qwen");             // a public name
    row("meta/llama", "", "local:meta/llama"); // an exact name may have a slash
    row("openai/o3", "", "openai:o3");         // backend/model
    row("nobody/o3", "", "echo:nobody/o3");    // no such backend: the default
    row("found", "", "azure:found");           // discovered, and its list lets it
    row("other", "", "echo:other");            // discovered, but not on its list
    row("gpt-4o", "local", "local:gpt-4o");    // x-tidegate-backend
    row("local/a", "local", "local:a");
    row("gpt-4o", "nobody", "model_not_found");
}

void RoutesTest::resolves()
{
    QFETCH(QByteArray, model);
    QFETCH(QByteArray, wish);
    QFETCH(QByteArray, expected);
    const Routes routes = routesFor(
        {backend("openai", {Glob("gpt-4o"), Glob("gpt-*")}),
         backend("azure", {Glob("gpt-4o-*"), Glob("fou*")}), backend("local", {Glob("meta/llama")}),
         backend("echo", {Glob("echo")})},
        "echo", {{"azure", {"found", "other"}}}, {publicModel("fast", {{"local", "qwen"}})});
    QCOMPARE(resolved(routes, model.constData(), wish.constData()), expected);
}

void RoutesTest::prefersWhatAnswersAmongTheUnlisted()
{
    const Routes routes = routesFor({backend("a", {}), backend("b", {}, 200)});
    QCOMPARE(resolved(routes, "x"), "a:x");
    routes.lanes()[1].state->reachability = LaneState::Reachability::Reachable;
    QCOMPARE(resolved(routes, "x"), "b:x");
    QCOMPARE(resolved(routesFor({}), "x"), "model_not_found");
    // Where unknown names should go is said: then it is not guessed.
    const Routes said = routesFor({backend("a", {}), backend("b", {Glob("b")})}, "b");
    QCOMPARE(resolved(said, "x"), "b:x");
}

void RoutesTest::inactiveBackendsGetNothing()
{
    BackendConfig anthropic = backend("anthropic", {Glob("claude-*")});
    anthropic.active = false;
    const Routes routes = routesFor({anthropic, backend("b", {Glob("b")})});
    QCOMPARE(resolved(routes, "claude-x"), "model_not_found");
    QCOMPARE(resolved(routes, "anthropic/claude-x"), "model_not_found");
    QCOMPARE(resolved(routes, "b"), "b:b");
}

void RoutesTest::modelList()
{
    const Routes routes =
        routesFor({backend("a", {Glob("x"), Glob("g*")}), backend("b", {Glob("x")})}, {},
                  {{"a", {"g1"}}}, {publicModel("fast", {{"a", "x"}})});
    const std::vector<std::pair<QByteArray, QByteArray>> expected{
        {"fast", "tidegate"}, {"g1", "a"}, {"x", "a"}};
    QCOMPARE(routes.models(), expected);
}

void RoutesTest::mayUse()
{
    ClientKey key;
    QVERIFY(Routes::mayUse(nullptr, "x"));
    QVERIFY(Routes::mayUse(&key, "x"));
    key.models = {Glob("gpt-*"), Glob("fast")};
    QVERIFY(Routes::mayUse(&key, "gpt-4o"));
    QVERIFY(Routes::mayUse(&key, "fast"));
    QVERIFY(!Routes::mayUse(&key, "faster"));
}

QTEST_APPLESS_MAIN(RoutesTest)
#include "tst_routes.moc"
