// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/routes.h"

#include "gateway/pipeline/affinity.h"
#include "gateway/policy/pricetable.h"
#include "gateway/protocol/toolsupport.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tidegate {

namespace {

// A request of this size decides which target is the cheapest.
constexpr qint64 kUsualInput = 1000;
constexpr qint64 kUsualOutput = 500;
// One of so many requests takes the lane that looks slower, or its figure would stay what it is.
constexpr quint64 kExplore = 64;

struct KnownPrefix
{
    std::string_view prefix;
    BackendType type;
};

constexpr std::array kPrefixes{
    KnownPrefix{"gpt-", BackendType::OpenAI},
    KnownPrefix{"chatgpt-", BackendType::OpenAI},
    KnownPrefix{"o1", BackendType::OpenAI},
    KnownPrefix{"o3", BackendType::OpenAI},
    KnownPrefix{"o4", BackendType::OpenAI},
    KnownPrefix{"text-embedding-", BackendType::OpenAI},
    KnownPrefix{"claude-", BackendType::Anthropic},
    KnownPrefix{"gemini-", BackendType::Gemini},
    KnownPrefix{"mistral-", BackendType::Mistral},
    KnownPrefix{"codestral-", BackendType::Mistral},
    KnownPrefix{"ministral-", BackendType::Mistral},
    KnownPrefix{"magistral-", BackendType::Mistral},
    KnownPrefix{"devstral-", BackendType::Mistral},
    KnownPrefix{"pixtral-", BackendType::Mistral},
};

std::string_view view(const QByteArray &bytes)
{
    return {bytes.constData(), size_t(bytes.size())};
}

bool isLocal(BackendType type)
{
    return type == BackendType::Echo || type == BackendType::Noop;
}

bool listedBy(const BackendConfig &backend, const QByteArray &model)
{
    return std::any_of(backend.models.begin(), backend.models.end(),
                       [&model](const Glob &glob) { return glob.matches(view(model)); });
}

// "o1" and "o1-mini" are OpenAI's, "o1ympus" is not.
bool startsWith(std::string_view model, std::string_view prefix)
{
    return model.starts_with(prefix) &&
           (prefix.back() == '-' || model.size() == prefix.size() || model[prefix.size()] == '-');
}

ApiError modelNotFound(const QByteArray &model)
{
    return {404, "model_not_found",
            "No backend serves the model '" + model +
                "'. GET /v1/models lists the known ones; add a backend or set default_backend.",
            "model"};
}

ApiError backendNotFound(std::string_view backend)
{
    return {404,
            "model_not_found",
            "x-tidegate-backend names a backend that does not exist: '" +
                QByteArray(backend.data(), qsizetype(backend.size())) + "'.",
            {}};
}

// Why nothing can be sent to a lane whatever happens; None: it can.
RouteStep::Reason whyNot(const Lane &lane, const QByteArray &model, bool hasTools)
{
    const BackendConfig &backend = *lane.backend;
    if (lane.state->draining.load(std::memory_order_relaxed)) {
        return RouteStep::Reason::Draining;
    }
    if (backend.keyState != KeyState::NotNeeded && backend.keyState != KeyState::Ready) {
        return RouteStep::Reason::KeyMissing;
    }
    if (hasTools && !isLocal(backend.type) &&
        !supportsTools(view(backendTypeName(backend.type)), view(model),
                       view(backend.toolCallParser))) {
        return RouteStep::Reason::ToolsUnsupported;
    }
    return RouteStep::Reason::None;
}

// What the client is told when every lane was passed over.
ApiError nothingLeft(const QByteArray &model, const RouteTrace &trace)
{
    using Reason = RouteStep::Reason;
    const auto all = [&trace](Reason reason) {
        return std::all_of(trace.begin(), trace.end(), [reason](const RouteStep &step) {
            return step.reason == reason || step.reason == Reason::NotAllowed;
        });
    };
    if (all(Reason::ToolsUnsupported)) {
        return {400, "model_does_not_support_tools",
                "The model '" + model + "' takes no tools. Leave them out, or use another model.",
                "tools"};
    }
    if (all(Reason::KeyMissing)) {
        return {503,
                "no_backend_available",
                "The key of the backend '" + trace.begin()->backend +
                    "' is not at hand. Open Tidegate's Backends page to see why.",
                {}};
    }
    if (all(Reason::Draining)) {
        return {503,
                "no_backend_available",
                "All backends of the model '" + model + "' are being taken out of service.",
                {}};
    }
    return {503,
            "no_backend_available",
            "None of the backends of the model '" + model + "' can take a request now.",
            {}};
}

// A random order in which each comes first as often as its weight says, and so on for the rest.
template <typename Iterator>
void shuffle(Iterator begin, Iterator end, LaneDice &dice)
{
    quint64 sum = 0;
    for (auto it = begin; it != end; ++it) {
        sum += quint64((*it)->weight);
    }
    for (auto it = begin; end - it > 1; ++it) {
        auto drawn = it;
        if (sum == 0) {
            drawn += qint64(dice.below(quint64(end - it)));
        } else {
            quint64 ticket = dice.below(sum);
            while (ticket >= quint64((*drawn)->weight)) {
                ticket -= quint64((*drawn)->weight);
                ++drawn;
            }
        }
        sum -= quint64((*drawn)->weight);
        std::iter_swap(it, drawn);
    }
}

// As shuffle(), within each run of targets that @p same calls equal.
template <typename Targets, typename Same>
void shuffleRuns(Targets &targets, LaneDice &dice, Same same)
{
    auto begin = targets.begin();
    while (begin != targets.end()) {
        const auto end = std::find_if(begin, targets.end(), [begin, same](const auto *target) {
            return !same(*target, **begin);
        });
        shuffle(begin, end, dice);
        begin = end;
    }
}

// Stable, and without memory of its own: there are few.
template <typename Targets, typename Less>
void insertionSort(Targets &targets, Less less)
{
    for (qsizetype i = 1; i < targets.size(); ++i) {
        for (qsizetype j = i; j > 0 && less(*targets[j], *targets[j - 1]); --j) {
            std::swap(targets[j], targets[j - 1]);
        }
    }
}

} // namespace

Routes::Routes(ConfigPtr config, std::vector<LaneStatePtr> states,
               const DiscoveredModels &discovered)
    : m_config(std::move(config))
{
    for (size_t i = 0; i < m_config->backends.size(); ++i) {
        if (m_config->backends[i].active) {
            m_lanes.push_back({&m_config->backends[i], states[i]});
        }
    }
    std::stable_sort(m_lanes.begin(), m_lanes.end(), [](const Lane &a, const Lane &b) {
        return a.backend->priority < b.backend->priority;
    });
    for (const Lane &lane : m_lanes) {
        m_through.push_back(targetFor(lane, {}));
    }
    addPublicModels();
    addLists(discovered);
    std::stable_sort(m_patterns.begin(), m_patterns.end(), [](const Pattern &a, const Pattern &b) {
        return a.glob.specificity() > b.glob.specificity();
    });
    addModelNames();
}

Routes::Target Routes::targetFor(const Lane &lane, const QByteArray &model) const
{
    Target target;
    target.lane = &lane;
    target.model = model;
    target.hash = hashOf(view(model), hashOf(view(lane.backend->name)));
    target.priority = lane.backend->priority;
    target.weight = lane.backend->weight;
    return target;
}

void Routes::addPublicModels()
{
    TokenUsage usual;
    usual.input = kUsualInput;
    usual.output = kUsualOutput;
    for (const ModelConfig &model : m_config->models) {
        Pool pool;
        pool.config = &model;
        int place = 0;
        for (const ModelTarget &configured : model.targets) {
            ++place;
            const Lane *lane = findLane(view(configured.backend));
            if (!lane) {
                continue;
            }
            Target target = targetFor(*lane, configured.model);
            target.priority = configured.priority.value_or(place);
            target.weight = configured.weight;
            if (isLocal(lane->backend->type)) {
                target.price = Money();
            } else if (m_config->prices) {
                target.price = m_config->prices->cost(view(configured.model), usual);
            }
            pool.targets.push_back(std::move(target));
        }
        if (pool.targets.empty() && model.fallbacks.isEmpty()) {
            continue;
        }
        const bool byPrice = model.strategy == RoutingStrategy::Cheapest;
        std::stable_sort(pool.targets.begin(), pool.targets.end(),
                         [byPrice](const Target &a, const Target &b) {
                             if (!byPrice) {
                                 return a.priority < b.priority;
                             }
                             return a.price && (!b.price || *a.price < *b.price);
                         });
        pool.fallbacks = fallbacksOf(model);
        const size_t index = m_pools.size();
        m_pools.push_back(std::move(pool));
        m_public.try_emplace(model.name.toStdString(), index);
        for (const Glob &alias : model.aliases) {
            if (!alias.isExact()) {
                m_patterns.push_back({alias, 0, index});
            } else {
                m_public.try_emplace(alias.pattern().toStdString(), index);
            }
        }
    }
}

// Those that are written there, then those of each of them, each once.
std::vector<QByteArray> Routes::fallbacksOf(const ModelConfig &model) const
{
    std::vector<QByteArray> names{model.name};
    std::vector<const ModelConfig *> open{&model};
    for (size_t i = 0; i < open.size(); ++i) {
        for (const QByteArray &name : open[i]->fallbacks) {
            if (std::find(names.begin(), names.end(), name) != names.end()) {
                continue;
            }
            names.push_back(name);
            const auto next = std::find_if(m_config->models.begin(), m_config->models.end(),
                                           [&name](const auto &m) { return m.name == name; });
            if (next != m_config->models.end()) {
                open.push_back(&*next);
            }
        }
    }
    names.erase(names.begin());
    return names;
}

void Routes::addLists(const DiscoveredModels &discovered)
{
    for (size_t lane = 0; lane < m_lanes.size(); ++lane) {
        const BackendConfig &backend = *m_lanes[lane].backend;
        // A backend that only repeats or says nothing must be asked for by name.
        if (backend.models.empty() && !isLocal(backend.type)) {
            m_catchAll.push_back(lane);
        }
        for (const Glob &glob : backend.models) {
            if (glob.isExact()) {
                addServed(glob.pattern(), lane);
            } else {
                m_patterns.push_back({glob, lane, kNoPool});
            }
        }
        // What a backend was found to serve counts where its own list lets it.
        for (const QByteArray &model : discovered.value(backend.name)) {
            if (backend.models.empty() || listedBy(backend, model)) {
                addServed(model, lane);
            }
        }
    }
}

void Routes::addServed(const QByteArray &model, size_t lane)
{
    const auto [it, isNew] = m_exact.try_emplace(model.toStdString(), m_pools.size());
    if (isNew) {
        m_pools.emplace_back();
    }
    std::vector<Target> &targets = m_pools[it->second].targets;
    if (targets.empty() || targets.back().lane != &m_lanes[lane]) {
        targets.push_back(m_through[lane]);
    }
}

void Routes::addModelNames()
{
    for (const auto &[name, pool] : m_public) {
        m_models.emplace_back(QByteArray::fromStdString(name), "tidegate");
    }
    for (const auto &[name, pool] : m_exact) {
        if (!m_public.contains(name)) {
            m_models.emplace_back(QByteArray::fromStdString(name),
                                  m_pools[pool].targets.front().lane->backend->name);
        }
    }
    std::sort(m_models.begin(), m_models.end());
}

const Lane *Routes::findLane(std::string_view name) const
{
    const auto found = std::find_if(m_lanes.begin(), m_lanes.end(), [name](const Lane &lane) {
        return view(lane.backend->name) == name;
    });
    return found == m_lanes.end() ? nullptr : &*found;
}

void Routes::Found::take(const Pool &from, RouteMatch how)
{
    pool = &from;
    match = how;
    for (const Target &target : from.targets) {
        targets.append(&target);
    }
}

Routes::Found Routes::find(const QByteArray &model) const
{
    Found found;
    if (const auto it = m_public.find(view(model)); it != m_public.cend()) {
        found.take(m_pools[it->second], RouteMatch::Public);
        return found;
    }
    if (const auto it = m_exact.find(view(model)); it != m_exact.cend()) {
        found.take(m_pools[it->second], RouteMatch::Listed);
        return found;
    }
    if (const qsizetype slash = model.indexOf('/'); slash > 0) {
        if (const Lane *lane = findLane(view(model).substr(0, size_t(slash)))) {
            found.targets.append(&m_through[size_t(lane - m_lanes.data())]);
            found.match = RouteMatch::Backend;
            found.stripPrefix = true;
            return found;
        }
    }
    findByPattern(model, found);
    if (found.match == RouteMatch::None) {
        findByPrefix(model, found);
    }
    if (found.match == RouteMatch::None && !m_config->defaultBackend.isEmpty()) {
        if (const Lane *lane = findLane(view(m_config->defaultBackend))) {
            found.targets.append(&m_through[size_t(lane - m_lanes.data())]);
            found.match = RouteMatch::Default;
        }
    }
    if (found.match == RouteMatch::None && !m_catchAll.empty()) {
        for (const size_t lane : m_catchAll) {
            found.targets.append(&m_through[lane]);
        }
        found.match = RouteMatch::Any;
    }
    return found;
}

void Routes::findByPattern(const QByteArray &model, Found &found) const
{
    int specificity = -1;
    for (const Pattern &pattern : m_patterns) {
        if (specificity >= 0 && pattern.glob.specificity() < specificity) {
            break;
        }
        if (!pattern.glob.matches(view(model))) {
            continue;
        }
        if (pattern.pool != kNoPool) {
            // Of an alias and a backend's pattern that say as much, the alias comes first.
            found.take(m_pools[pattern.pool], RouteMatch::Pattern);
            return;
        }
        found.match = RouteMatch::Pattern;
        specificity = pattern.glob.specificity();
        const Target *target = &m_through[pattern.lane];
        if (!found.targets.contains(target)) {
            found.targets.append(target);
        }
    }
    insertionSort(found.targets,
                  [](const Target &a, const Target &b) { return a.priority < b.priority; });
}

// Only backends without a list: a list says what a backend is there for.
void Routes::findByPrefix(const QByteArray &model, Found &found) const
{
    const auto known = std::find_if(kPrefixes.begin(), kPrefixes.end(), [&model](const auto &p) {
        return startsWith(view(model), p.prefix);
    });
    if (known == kPrefixes.end()) {
        return;
    }
    for (const size_t lane : m_catchAll) {
        if (m_lanes[lane].backend->type == known->type) {
            found.targets.append(&m_through[lane]);
            found.match = RouteMatch::Prefix;
        }
    }
}

// At the one backend that the client asked for: its targets of a public model, else the name as it
// is, without that backend's name before it.
Routes::Found Routes::findAt(const Lane &lane, const QByteArray &model) const
{
    Found found;
    found.match = RouteMatch::Wish;
    if (const auto it = m_public.find(view(model)); it != m_public.cend()) {
        for (const Target &target : m_pools[it->second].targets) {
            if (target.lane == &lane) {
                found.pool = &m_pools[it->second];
                found.targets.append(&target);
            }
        }
    }
    if (found.targets.isEmpty()) {
        const qsizetype slash = model.indexOf('/');
        found.stripPrefix = slash > 0 && QByteArrayView(model).first(slash) == lane.backend->name;
        found.targets.append(&m_through[size_t(&lane - m_lanes.data())]);
    }
    return found;
}

LanePlan Routes::plan(const RouteRequest &request) const
{
    LanePlan plan;
    const Lane *wish = nullptr;
    if (!request.backend.empty()) {
        wish = findLane(request.backend);
        if (!wish) {
            plan.error = backendNotFound(request.backend);
            return plan;
        }
    }
    Found found = wish ? findAt(*wish, request.model) : find(request.model);
    plan.match = found.match;
    plan.model = found.pool ? found.pool->config : nullptr;
    const bool allowed =
        mayUse(request.key, request.model) || (plan.model && mayUse(request.key, plan.model->name));
    if (!allowed) {
        plan.error =
            ApiError{403, "model_not_allowed",
                     "This API key may not use the model '" + request.model + "'.", "model"};
        return plan;
    }
    if (found.match == RouteMatch::None) {
        plan.error = modelNotFound(request.model);
        return plan;
    }
    addLanes(plan, request, request.model, found, false);
    if (!wish && found.pool) {
        for (const QByteArray &name : found.pool->fallbacks) {
            if (!mayUse(request.key, name)) {
                plan.trace.skipped({}, name, RouteStep::Reason::NotAllowed, request.atUs);
                continue;
            }
            Found next = find(name);
            if (next.match >= RouteMatch::Default || next.match == RouteMatch::None) {
                continue; // nobody is known to serve it any more
            }
            addLanes(plan, request, name, next, true);
        }
    }
    passOverUnwell(plan, request);
    if (plan.lanes.isEmpty()) {
        plan.error = plan.trace.isEmpty() ? modelNotFound(request.model)
                                          : nothingLeft(request.model, plan.trace);
    } else {
        addMirror(plan, request);
    }
    return plan;
}

void Routes::addLanes(LanePlan &plan, const RouteRequest &request, const QByteArray &name,
                      Found &found, bool isFallback) const
{
    sort(found.pool, found.targets, request);
    if (found.match == RouteMatch::Any) {
        // Of several that might serve it, those first that are known to answer.
        const auto answers = [](const Target &target) {
            return target.lane->state->reachability.load(std::memory_order_relaxed) ==
                   LaneState::Reachability::Reachable;
        };
        insertionSort(found.targets, [answers](const Target &a, const Target &b) {
            return answers(a) && !answers(b);
        });
    }
    for (const Target *target : found.targets) {
        const QByteArray model = !target->model.isEmpty() ? target->model
                                 : found.stripPrefix      ? name.mid(name.indexOf('/') + 1)
                                                          : name;
        const auto same = [target, &model](const PlannedLane &planned) {
            return planned.lane == target->lane && planned.model == model;
        };
        if (plan.lanes.size() == RouteTrace::kMaxSteps ||
            std::any_of(plan.lanes.cbegin(), plan.lanes.cend(), same)) {
            continue;
        }
        const BackendConfig &backend = *target->lane->backend;
        const RouteStep::Reason reason = whyNot(*target->lane, model, request.hasTools);
        if (reason != RouteStep::Reason::None) {
            plan.trace.skipped(backend.name, model, reason, request.atUs);
            continue;
        }
        plan.lanes.append(
            {target->lane, model, found.pool ? found.pool->config : nullptr, isFallback});
    }
}

// What is known to be down or not loaded yet comes last: it is still tried when nothing else is
// left.
void Routes::passOverUnwell(LanePlan &plan, const RouteRequest &request)
{
    const auto isWell = [](const PlannedLane &lane) { return lane.state().health.isWell(); };
    if (std::all_of(plan.lanes.cbegin(), plan.lanes.cend(), isWell) ||
        std::none_of(plan.lanes.cbegin(), plan.lanes.cend(), isWell)) {
        return;
    }
    for (const PlannedLane &lane : plan.lanes) {
        const BackendHealth health = lane.state().health.verdict();
        if (health > BackendHealth::Healthy) {
            plan.trace.skipped(lane.backend().name, lane.model,
                               health == BackendHealth::Loading ? RouteStep::Reason::Loading
                                                                : RouteStep::Reason::Unhealthy,
                               request.atUs);
        }
    }
    std::stable_partition(plan.lanes.begin(), plan.lanes.end(), isWell);
}

void Routes::sort(const Pool *pool, Targets &targets, const RouteRequest &request)
{
    if (targets.size() < 2) {
        return;
    }
    const ModelConfig *model = pool ? pool->config : nullptr;
    if (model && model->affinity.by != AffinityRule::By::Off && request.http) {
        if (const auto session = sessionOf(model->affinity, *request.http)) {
            insertionSort(targets, [session](const Target &a, const Target &b) {
                return rendezvousScore(*session, a.hash, a.weight) >
                       rendezvousScore(*session, b.hash, b.weight);
            });
            return;
        }
    }
    const RoutingStrategy strategy = model ? model->strategy : RoutingStrategy::Priority;
    LaneDice &dice = request.dice;
    switch (strategy) {
    case RoutingStrategy::Priority:
        shuffleRuns(targets, dice,
                    [](const Target &a, const Target &b) { return a.priority == b.priority; });
        return;
    case RoutingStrategy::Cheapest:
        shuffleRuns(targets, dice,
                    [](const Target &a, const Target &b) { return a.price == b.price; });
        return;
    case RoutingStrategy::Weighted:
        shuffle(targets.begin(), targets.end(), dice);
        return;
    case RoutingStrategy::LeastBusy:
        shuffle(targets.begin(), targets.end(), dice);
        insertionSort(targets, [](const Target &a, const Target &b) {
            // Requests for each unit of weight, this one counted.
            return double(a.lane->state->load() + 1) * b.weight <
                   double(b.lane->state->load() + 1) * a.weight;
        });
        return;
    case RoutingStrategy::LeastLatency:
        break;
    }
    shuffle(targets.begin(), targets.end(), dice);
    // A lane that is out takes no part in the comparison.
    qsizetype ready = 0;
    for (qsizetype i = 0; i < targets.size(); ++i) {
        if (targets[i]->lane->state->availability(request.nowNs)) {
            std::rotate(targets.begin() + ready, targets.begin() + i, targets.begin() + i + 1);
            ++ready;
        }
    }
    if (ready < 2) {
        return;
    }
    const double first = targets[0]->lane->state->latency.load(request.nowNs);
    const double second = targets[1]->lane->state->latency.load(request.nowNs);
    if ((second < first) != (dice.below(kExplore) == 0)) {
        std::swap(targets[0], targets[1]);
    }
}

void Routes::addMirror(LanePlan &plan, const RouteRequest &request) const
{
    if (!plan.model || plan.model->mirror.backend.isEmpty() ||
        request.dice.share() * 100 >= plan.model->mirror.percent) {
        return;
    }
    const MirrorRule &rule = plan.model->mirror;
    const Lane *lane = findLane(view(rule.backend));
    if (!lane || isLocal(lane->backend->type)) {
        return; // there is nothing to compare with
    }
    const RouteStep::Reason reason = whyNot(*lane, rule.model, request.hasTools);
    if (reason != RouteStep::Reason::None) {
        const int step =
            plan.trace.started(rule.backend, rule.model, RouteStep::Kind::Mirrored, request.atUs);
        plan.trace.ended(step, reason, 0, request.atUs);
        return;
    }
    plan.mirror = PlannedLane{lane, rule.model, plan.model, false};
}

bool Routes::mayUse(const ClientKey *key, const QByteArray &model)
{
    return !key || key->models.empty() ||
           std::any_of(key->models.begin(), key->models.end(),
                       [&model](const Glob &glob) { return glob.matches(view(model)); });
}

} // namespace tidegate
