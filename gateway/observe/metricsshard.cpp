// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/observe/metricsshard.h"

#include <algorithm>
#include <cctype>

namespace tidegate {

namespace {

constexpr quint16 kOtherModel = 0;
constexpr quint16 kNoBackend = 0;
constexpr quint16 kOtherBackend = 1;
// Room for the ones that take what does not fit: one for each endpoint and backend, within reason.
constexpr size_t kRoomForOthers = 100;

void addKnown(qint64 &sum, qint64 tokens)
{
    sum += std::max<qint64>(tokens, 0);
}

// "upstream_404" and the like would be a code for each status that a backend can think of.
bool isUpstreamStatus(const QByteArray &code)
{
    constexpr QByteArrayView kPrefix = "upstream_";
    return code.size() == kPrefix.size() + 3 && code.startsWith(kPrefix) &&
           std::isdigit(static_cast<unsigned char>(code.back()));
}

size_t errorIndex(const QByteArray &code)
{
    const QByteArrayList &names = MetricsShard::errorCodeNames();
    const qsizetype found = isUpstreamStatus(code) ? 0 : names.indexOf(code);
    return size_t(found < 0 ? names.size() - 1 : found);
}

} // namespace

void TrafficFigures::addStatus(int status, quint64 requests)
{
    const auto slot = std::find_if(statuses.begin(), statuses.end(), [status](const Status &known) {
        return known.status == status || known.requests == 0;
    });
    Status &counted = slot == statuses.end() ? statuses.back() : *slot;
    counted.status = slot == statuses.end() ? 0 : status;
    counted.requests += requests;
}

void TrafficFigures::add(const TrafficFigures &other)
{
    for (const Status &status : other.statuses) {
        if (status.requests > 0) {
            addStatus(status.status, status.requests);
        }
    }
    streams += other.streams;
    clientClosed += other.clientClosed;
    estimated += other.estimated;
    priced += other.priced;
    unknownCost += other.unknownCost;
    retries += other.retries;
    inputTokens += other.inputTokens;
    outputTokens += other.outputTokens;
    cachedTokens += other.cachedTokens;
    cacheWriteTokens += other.cacheWriteTokens;
    reasoningTokens += other.reasoningTokens;
    cost += other.cost;
    duration.add(other.duration);
    firstByte.add(other.firstByte);
    gap.add(other.gap);
}

MetricsShard::MetricsShard()
{
    m_figures.models = {"other"};
    m_figures.backends = {"none", "other"};
    m_figures.errors.resize(size_t(errorCodeNames().size()));
    m_figures.refused.resize(refusedStatuses().size());
    m_figures.traffic.reserve(64);
}

const QByteArrayList &MetricsShard::errorCodeNames()
{
    static const QByteArrayList kNames{"upstream_4xx",
                                       "invalid_json",
                                       "invalid_request",
                                       "model_does_not_support_tools",
                                       "invalid_api_key",
                                       "budget_exceeded",
                                       "budget_in_flight",
                                       "request_exceeds_budget",
                                       "price_unknown",
                                       "model_not_allowed",
                                       "ip_not_allowed",
                                       "origin_not_allowed",
                                       "model_not_found",
                                       "not_found",
                                       "request_timeout",
                                       "body_too_large",
                                       "rate_limit_exceeded",
                                       "token_limit_exceeded",
                                       "concurrency_limit_exceeded",
                                       "daily_token_limit",
                                       "upstream_unavailable",
                                       "upstream_invalid_response",
                                       "upstream_error_event",
                                       "upstream_timeout",
                                       "no_backend_available",
                                       "draining",
                                       "client_closed",
                                       "other"};
    return kNames;
}

const std::vector<int> &MetricsShard::refusedStatuses()
{
    static const std::vector<int> kStatuses{400, 401, 403, 404, 405, 408,
                                            413, 414, 429, 431, 503, 0};
    return kStatuses;
}

void MetricsShard::setNames(const QByteArrayList &models, const QByteArrayList &backends)
{
    const auto learn = [](const QByteArrayList &names, NameIds &ids, QByteArrayList &known) {
        for (const QByteArray &name : names) {
            if (known.size() < qsizetype(kMaxNames) &&
                ids.try_emplace(name.toStdString(), quint16(known.size())).second) {
                known.append(name);
            }
        }
    };
    const std::lock_guard lock(m_mutex);
    learn(models, m_modelIds, m_figures.models);
    learn(backends, m_backendIds, m_figures.backends);
}

quint16 MetricsShard::idOf(const NameIds &ids, const QByteArray &name, quint16 otherwise)
{
    const auto found = ids.find(std::string_view(name.constData(), size_t(name.size())));
    return found == ids.end() ? otherwise : found->second;
}

TrafficFigures *MetricsShard::findOrAdd(Endpoint endpoint, quint16 model, quint16 backend,
                                        size_t bound)
{
    const quint64 key = quint64(endpoint) << 32 | quint64(model) << 16 | backend;
    const auto found = m_trafficIndex.constFind(key);
    if (found != m_trafficIndex.cend()) {
        return &m_figures.traffic[*found];
    }
    if (m_figures.traffic.size() >= bound) {
        return nullptr;
    }
    m_trafficIndex.insert(key, quint32(m_figures.traffic.size()));
    TrafficFigures &made = m_figures.traffic.emplace_back();
    made.endpoint = endpoint;
    made.model = model;
    made.backend = backend;
    return &made;
}

TrafficFigures &MetricsShard::trafficOf(const LedgerRow &row)
{
    // The public name if there is one, else what the backend calls it.
    quint16 model = idOf(m_modelIds, row.requestedModel, kOtherModel);
    if (model == kOtherModel) {
        model = idOf(m_modelIds, row.servedModel, kOtherModel);
    }
    const quint16 backend =
        row.backend.isEmpty() ? kNoBackend : idOf(m_backendIds, row.backend, kOtherBackend);
    if (TrafficFigures *own = findOrAdd(row.endpoint, model, backend, kMaxTraffic)) {
        return *own;
    }
    ++m_figures.folded;
    if (TrafficFigures *others =
            findOrAdd(row.endpoint, kOtherModel, backend, kMaxTraffic + kRoomForOthers)) {
        return *others;
    }
    return *findOrAdd(Endpoint::Other, kOtherModel, kOtherBackend,
                      std::numeric_limits<size_t>::max());
}

KeyFigures &MetricsShard::keyOf(qint64 id)
{
    auto found = m_keyIndex.constFind(id);
    if (found == m_keyIndex.cend() && m_keyIndex.size() >= qsizetype(kMaxKeys)) {
        id = kOtherKey;
        found = m_keyIndex.constFind(id);
    }
    if (found != m_keyIndex.cend()) {
        return m_figures.keys[*found];
    }
    m_keyIndex.insert(id, quint32(m_figures.keys.size()));
    KeyFigures &made = m_figures.keys.emplace_back();
    made.keyId = id;
    return made;
}

void MetricsShard::finished(const LedgerRow &row, const ExchangeExtras &extras)
{
    const TokenUsage &usage = row.usage;
    const std::lock_guard lock(m_mutex);

    TrafficFigures &traffic = trafficOf(row);
    traffic.addStatus(row.status >= 100 && row.status <= 599 ? row.status : 0, 1);
    traffic.streams += row.stream ? 1 : 0;
    traffic.clientClosed += row.outcome == Outcome::ClientClosed ? 1 : 0;
    traffic.estimated += usage.estimated ? 1 : 0;
    traffic.retries += quint64(std::max(row.attempts - 1, 0));
    addKnown(traffic.inputTokens, usage.input);
    addKnown(traffic.outputTokens, usage.output);
    addKnown(traffic.cachedTokens, usage.cachedInput);
    addKnown(traffic.cacheWriteTokens, usage.cacheWrite);
    addKnown(traffic.reasoningTokens, usage.reasoning);
    if (row.cost) {
        traffic.cost += *row.cost;
        ++traffic.priced;
    } else if (usage.isKnown()) {
        ++traffic.unknownCost;
    }
    if (row.attempts > 0) {
        traffic.duration.observe(bounds::kDuration, row.totalUs);
        if (row.firstByteUs >= 0) {
            m_figures.overhead[size_t(row.endpoint)].observe(bounds::kOverhead, row.overheadUs);
            if (row.stream && row.status < 400) {
                traffic.firstByte.observe(bounds::kFirstByte, row.firstByteUs);
            }
        }
    }
    if (extras.queueWaitUs >= 0) {
        m_figures.queueWait[size_t(row.endpoint)].observe(bounds::kWait, extras.queueWaitUs);
    }
    if (extras.gaps && !extras.gaps->isEmpty()) {
        traffic.gap.add(extras.gaps->histogram());
    }

    KeyFigures &key = keyOf(row.keyId);
    ++key.requests;
    addKnown(key.inputTokens, usage.input);
    addKnown(key.outputTokens, usage.output);
    key.cost += row.cost.value_or(Money());

    if (!row.errorCode.isEmpty()) {
        ++m_figures.errors[errorIndex(row.errorCode)][size_t(extras.refusedBy)];
    }
}

void MetricsShard::refused(int status)
{
    const std::vector<int> &statuses = refusedStatuses();
    const auto found = std::find(statuses.begin(), statuses.end() - 1, status);
    const std::lock_guard lock(m_mutex);
    ++m_figures.refused[size_t(found - statuses.begin())];
}

void MetricsShard::loopLag(qint64 us)
{
    const std::lock_guard lock(m_mutex);
    m_figures.loopLag.observe(bounds::kWait, us);
}

void MetricsShard::liveEventsDropped(qint64 count)
{
    const std::lock_guard lock(m_mutex);
    m_figures.liveEventsDropped += count;
}

ShardFigures MetricsShard::figures() const
{
    ShardFigures copy;
    // Room is made before the lock is taken: the engine thread may be waiting for it.
    copy.traffic.reserve(kMaxTraffic + kRoomForOthers);
    copy.keys.reserve(kMaxKeys + 1);
    {
        const std::lock_guard lock(m_mutex);
        copy = m_figures;
    }
    copy.connections = m_connections.load(std::memory_order_relaxed);
    return copy;
}

} // namespace tidegate
