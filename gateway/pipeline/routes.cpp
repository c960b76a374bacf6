// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/routes.h"

#include <algorithm>

namespace tidegate {

namespace {

ApiError modelNotFound(const QByteArray &model)
{
    return {404, "model_not_found",
            "No backend serves the model '" + model +
                "'. GET /v1/models lists the known ones; add a backend or set default_backend.",
            "model"};
}

} // namespace

Routes::Routes(ConfigPtr config, std::vector<BackendStatePtr> states,
               const DiscoveredModels &discovered)
    : m_config(std::move(config))
{
    for (size_t i = 0; i < m_config->backends.size(); ++i) {
        if (m_config->backends[i].active) {
            m_lanes.push_back({&m_config->backends[i], states[i]});
        }
    }
    for (size_t lane = 0; lane < m_lanes.size(); ++lane) {
        const BackendConfig &backend = *m_lanes[lane].backend;
        // A backend that only repeats or says nothing must be asked for by name.
        const bool local = backend.type == BackendType::Echo || backend.type == BackendType::Noop;
        if (backend.models.empty() && !local) {
            m_catchAll.push_back(lane);
        }
        for (const Glob &glob : backend.models) {
            if (glob.isExact()) {
                addExact(glob.pattern(), lane);
            } else {
                m_patterns.push_back({glob, lane});
            }
        }
    }
    // What a backend was found to serve counts where its own list lets it.
    for (size_t lane = 0; lane < m_lanes.size(); ++lane) {
        const BackendConfig &backend = *m_lanes[lane].backend;
        for (const QByteArray &model : discovered.value(backend.name)) {
            const bool listed =
                backend.models.empty() ||
                std::any_of(backend.models.begin(), backend.models.end(),
                            [&model](const Glob &glob) {
                                return glob.matches({model.constData(), size_t(model.size())});
                            });
            if (listed) {
                addExact(model, lane);
            }
        }
    }
    std::stable_sort(m_patterns.begin(), m_patterns.end(), [](const Pattern &a, const Pattern &b) {
        return a.glob.specificity() > b.glob.specificity();
    });
    for (const ModelConfig &model : m_config->models) {
        for (const ModelTarget &target : model.targets) {
            const Lane *lane =
                findLane({target.backend.constData(), size_t(target.backend.size())});
            if (lane && !m_public.contains(model.name)) {
                m_public.insert(model.name, Route{*lane, target.model});
                m_models.emplace_back(model.name, "tidegate");
            }
        }
    }
    for (auto it = m_exact.cbegin(); it != m_exact.cend(); ++it) {
        if (!m_public.contains(it.key())) {
            m_models.emplace_back(it.key(), m_lanes[it.value()].backend->name);
        }
    }
    std::sort(m_models.begin(), m_models.end());
}

void Routes::addExact(const QByteArray &model, size_t lane)
{
    if (!m_exact.contains(model)) {
        m_exact.insert(model, lane);
    }
}

const Lane *Routes::findLane(std::string_view name) const
{
    const auto found = std::find_if(m_lanes.begin(), m_lanes.end(), [name](const Lane &lane) {
        return lane.backend->name == QByteArrayView(name.data(), qsizetype(name.size()));
    });
    return found == m_lanes.end() ? nullptr : &*found;
}

std::variant<Route, ApiError> Routes::resolve(const QByteArray &model,
                                              std::string_view backend) const
{
    const qsizetype slash = model.indexOf('/');
    if (!backend.empty()) {
        const Lane *lane = findLane(backend);
        if (!lane) {
            return ApiError{404,
                            "model_not_found",
                            "x-tidegate-backend names a backend that does not exist: '" +
                                QByteArray(backend.data(), qsizetype(backend.size())) + "'.",
                            {}};
        }
        const bool prefixed =
            slash > 0 && QByteArrayView(model).first(slash) == lane->backend->name;
        return Route{*lane, prefixed ? model.mid(slash + 1) : model};
    }
    if (const auto it = m_public.constFind(model); it != m_public.cend()) {
        return *it;
    }
    if (const auto it = m_exact.constFind(model); it != m_exact.cend()) {
        return Route{m_lanes[*it], model};
    }
    if (slash > 0) {
        if (const Lane *lane = findLane({model.constData(), size_t(slash)})) {
            return Route{*lane, model.mid(slash + 1)};
        }
    }
    for (const Pattern &pattern : m_patterns) {
        if (pattern.glob.matches({model.constData(), size_t(model.size())})) {
            return Route{m_lanes[pattern.lane], model};
        }
    }
    if (!m_config->defaultBackend.isEmpty()) {
        const QByteArray &name = m_config->defaultBackend;
        if (const Lane *lane = findLane({name.constData(), size_t(name.size())})) {
            return Route{*lane, model};
        }
    }
    if (!m_catchAll.empty()) {
        // Of several that might serve it, one that is known to answer.
        const auto reachable =
            std::find_if(m_catchAll.begin(), m_catchAll.end(), [this](size_t lane) {
                return m_lanes[lane].state->reachability.load() ==
                       BackendState::Reachability::Reachable;
            });
        return Route{m_lanes[reachable == m_catchAll.end() ? m_catchAll.front() : *reachable],
                     model};
    }
    return modelNotFound(model);
}

bool Routes::mayUse(const ClientKey *key, const QByteArray &model)
{
    return !key || key->models.empty() ||
           std::any_of(key->models.begin(), key->models.end(), [&model](const Glob &glob) {
               return glob.matches({model.constData(), size_t(model.size())});
           });
}

} // namespace tidegate
