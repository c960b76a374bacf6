// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/clock.h"
#include "gateway/pipeline/routes.h"

#include <memory>
#include <utility>
#include <vector>

namespace tidegate {

inline BackendConfig backend(const char *name, std::vector<Glob> models = {}, int priority = 100,
                             int weight = 1)
{
    BackendConfig config;
    config.name = name;
    config.type = BackendType::Local;
    config.models = std::move(models);
    config.priority = priority;
    config.weight = weight;
    return config;
}

inline ModelConfig publicModel(const char *name, std::vector<ModelTarget> targets,
                               RoutingStrategy strategy = RoutingStrategy::Priority)
{
    ModelConfig model;
    model.name = name;
    model.targets = std::move(targets);
    model.strategy = strategy;
    return model;
}

/// A configuration with its run-time state, and plans made from it. For one test function.
class RoutesFixture
{
public:
    ConfigSnapshot config;
    DiscoveredModels discovered;
    LaneDice dice{42};

    /// To be called when the configuration is complete.
    void build()
    {
        auto next = std::make_shared<ConfigSnapshot>(config);
        std::vector<LaneStatePtr> states;
        for (const BackendConfig &entry : next->backends) {
            states.push_back(std::make_shared<LaneState>(entry.name));
            states.back()->configure(entry, monotonicNs());
        }
        m_routes = std::make_unique<const Routes>(next, states, discovered);
    }

    [[nodiscard]] const Routes &routes() const { return *m_routes; }
    [[nodiscard]] LaneState &state(const char *name) const
    {
        return *m_routes->findLane(name)->state;
    }

    LanePlan plan(const QByteArray &model, const ClientKey *key = nullptr,
                  const HttpRequest *http = nullptr, bool hasTools = false)
    {
        return m_routes->plan({.model = model,
                               .dice = dice,
                               .nowNs = monotonicNs(),
                               .key = key,
                               .http = http,
                               .hasTools = hasTools});
    }

    /// "backend:model" for each lane, or the error's code.
    static QByteArray shown(const LanePlan &plan)
    {
        QByteArrayList lanes;
        for (const PlannedLane &lane : plan.lanes) {
            lanes.append(lane.backend().name + ':' + lane.model);
        }
        return plan.error ? plan.error->code : lanes.join(' ');
    }

private:
    std::unique_ptr<const Routes> m_routes;
};

} // namespace tidegate
