// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/observe/metricspage.h"

#include <map>

namespace tidegate {

namespace {

using Type = MetricsText::Type;

const char *endpointName(size_t endpoint)
{
    switch (Endpoint(endpoint)) {
    case Endpoint::ChatCompletions:
        return "chat_completions";
    case Endpoint::Completions:
        return "completions";
    case Endpoint::Embeddings:
        return "embeddings";
    case Endpoint::Models:
        return "models";
    case Endpoint::Other:
        break;
    }
    return "other";
}

const char *scopeName(size_t scope)
{
    constexpr const char *kNames[kRefusedBy] = {"none", "key", "team", "model", "ip"};
    return kNames[scope];
}

// The codes that a limit or a budget refuses with.
bool isLimitCode(const QByteArray &code)
{
    return code == "rate_limit_exceeded" || code == "token_limit_exceeded" ||
           code == "concurrency_limit_exceeded" || code == "daily_token_limit" ||
           code.startsWith("budget_") || code == "request_exceeds_budget" ||
           code == "price_unknown";
}

QByteArray statusLabels(int status)
{
    if (status == 0) {
        return R"(class="none",status="none")";
    }
    return "class=\"" + QByteArray::number(status / 100) + "xx\",status=\"" +
           QByteArray::number(status) + '"';
}

class Page
{
public:
    Page(const ShardFigures &counted, const GatewayFigures &state, MetricsFormat format)
        : m_counted(counted)
        , m_state(state)
        , m_text(format)
    {
        m_labels.reserve(counted.traffic.size());
        for (const TrafficFigures &traffic : counted.traffic) {
            m_labels.push_back(
                MetricsText::label("endpoint", endpointName(size_t(traffic.endpoint))) + ',' +
                MetricsText::label("model", counted.models[traffic.model]) + ',' +
                MetricsText::label("backend", counted.backends[traffic.backend]));
        }
    }

    QByteArray write()
    {
        writeRequests();
        writeTokens();
        writeLatency();
        writeRefusals();
        writeKeys();
        writeBudgets();
        writeBackends();
        writeLedger();
        writePrices();
        writeProcess();
        return m_text.take();
    }

private:
    template <typename Value>
    void perTraffic(const char *name, const char *help, Value value)
    {
        m_text.family(name, Type::Counter, help);
        for (size_t i = 0; i < m_labels.size(); ++i) {
            m_text.sample(m_labels[i], value(m_counted.traffic[i]));
        }
    }

    void perTraffic(const char *name, const char *help, const Histogram::Bounds &bounds,
                    Histogram TrafficFigures::*member)
    {
        m_text.family(name, Type::Histogram, help);
        for (size_t i = 0; i < m_labels.size(); ++i) {
            const Histogram &values = m_counted.traffic[i].*member;
            if (values.count() > 0) {
                m_text.histogram(m_labels[i], bounds, values);
            }
        }
    }

    void perEndpoint(const char *name, const char *help, const Histogram::Bounds &bounds,
                     const ShardFigures::PerEndpoint &values)
    {
        m_text.family(name, Type::Histogram, help);
        for (size_t i = 0; i < values.size(); ++i) {
            if (values[i].count() > 0) {
                m_text.histogram(MetricsText::label("endpoint", endpointName(i)), bounds,
                                 values[i]);
            }
        }
    }

    template <typename Value>
    void single(const char *name, Type type, const char *help, Value value)
    {
        m_text.family(name, type, help);
        m_text.sample({}, value);
    }

    void writeRequests()
    {
        m_text.family("requests", Type::Counter,
                      "Finished requests by the status the client got; 499: it left first.");
        for (size_t i = 0; i < m_labels.size(); ++i) {
            for (const TrafficFigures::Status &status : m_counted.traffic[i].statuses) {
                if (status.requests > 0) {
                    m_text.sample(m_labels[i] + ',' + statusLabels(status.status), status.requests);
                }
            }
        }
        perTraffic("streamed_requests", "Finished requests that asked for a stream.",
                   [](const TrafficFigures &t) { return t.streams; });
        perTraffic("client_closed_requests", "Requests whose client left before the answer's end.",
                   [](const TrafficFigures &t) { return t.clientClosed; });
        perTraffic("upstream_retries", "Calls of a backend beyond each request's first.",
                   [](const TrafficFigures &t) { return t.retries; });
    }

    void writeTokens()
    {
        m_text.family("tokens", Type::Counter,
                      "Tokens by kind; input has cached_input and cache_write in it, output has "
                      "reasoning.");
        for (size_t i = 0; i < m_labels.size(); ++i) {
            const TrafficFigures &t = m_counted.traffic[i];
            const std::pair<const char *, qint64> kinds[] = {{"input", t.inputTokens},
                                                             {"output", t.outputTokens},
                                                             {"cached_input", t.cachedTokens},
                                                             {"cache_write", t.cacheWriteTokens},
                                                             {"reasoning", t.reasoningTokens}};
            for (const auto &[kind, tokens] : kinds) {
                m_text.sample(m_labels[i] + ',' + MetricsText::label("kind", kind), tokens);
            }
        }
        perTraffic("estimated_requests", "Requests whose tokens were estimated.",
                   [](const TrafficFigures &t) { return t.estimated; });
        m_text.family("cost_usd", Type::Counter, "Cost of the requests whose price is known.");
        for (size_t i = 0; i < m_labels.size(); ++i) {
            if (m_counted.traffic[i].priced > 0) {
                m_text.sample(m_labels[i], m_counted.traffic[i].cost.toString());
            }
        }
        perTraffic("unpriced_requests", "Requests with tokens whose price is unknown.",
                   [](const TrafficFigures &t) { return t.unknownCost; });
    }

    void writeLatency()
    {
        perTraffic("request_duration_seconds", "First request byte to last answer byte.",
                   bounds::kDuration, &TrafficFigures::duration);
        perTraffic("time_to_first_token_seconds",
                   "First request byte to first answer byte, of streams.", bounds::kFirstByte,
                   &TrafficFigures::firstByte);
        perTraffic("inter_chunk_gap_seconds", "Time between two pieces of a stream.", bounds::kGap,
                   &TrafficFigures::gap);
        perEndpoint("overhead_seconds", "Time inside the gateway before the first byte.",
                    bounds::kOverhead, m_counted.overhead);
        perEndpoint("queue_wait_seconds",
                    "Request complete to backend called, waiting for a free place included.",
                    bounds::kWait, m_counted.queueWait);
        m_text.family("engine_loop_lag_seconds", Type::Histogram,
                      "How late a timer of a busy engine's event loop was.");
        m_text.histogram({}, bounds::kWait, m_counted.loopLag);
    }

    void writeRefusals()
    {
        const QByteArrayList &codes = MetricsShard::errorCodeNames();
        m_text.family("errors", Type::Counter, "Requests that ended with an error, by its code.");
        for (size_t code = 0; code < m_counted.errors.size(); ++code) {
            quint64 sum = 0;
            for (const quint64 count : m_counted.errors[code]) {
                sum += count;
            }
            if (sum > 0) {
                m_text.sample(MetricsText::label("code", codes[qsizetype(code)]), sum);
            }
        }
        m_text.family("limit_rejections", Type::Counter,
                      "Requests that a limit or a budget refused, by whose it was.");
        for (size_t code = 0; code < m_counted.errors.size(); ++code) {
            const QByteArray &name = codes[qsizetype(code)];
            for (size_t scope = 0; isLimitCode(name) && scope < kRefusedBy; ++scope) {
                if (m_counted.errors[code][scope] > 0) {
                    m_text.sample(MetricsText::label("code", name) + ',' +
                                      MetricsText::label("scope", scopeName(scope)),
                                  m_counted.errors[code][scope]);
                }
            }
        }
        m_text.family("refused_requests", Type::Counter,
                      "Requests refused before they were looked into, e.g. 401 for a wrong key.");
        const std::vector<int> &statuses = MetricsShard::refusedStatuses();
        for (size_t i = 0; i < m_counted.refused.size(); ++i) {
            if (m_counted.refused[i] > 0) {
                m_text.sample(statusLabels(statuses[i]), m_counted.refused[i]);
            }
        }
    }

    void writeKeys()
    {
        // Two keys may have one name, and a series must not be there twice.
        std::map<QByteArray, KeyFigures> byName;
        for (const KeyFigures &key : m_counted.keys) {
            const QByteArray name =
                key.keyId == 0 ? QByteArray("none") : m_state.keyNames.value(key.keyId, "other");
            KeyFigures &sum = byName[MetricsText::label("key", name)];
            sum.requests += key.requests;
            sum.inputTokens += key.inputTokens;
            sum.outputTokens += key.outputTokens;
            sum.cost += key.cost;
        }
        m_text.family("key_requests", Type::Counter, "Finished requests by client key.");
        for (const auto &[label, key] : byName) {
            m_text.sample(label, key.requests);
        }
        m_text.family("key_tokens", Type::Counter, "Tokens by client key.");
        for (const auto &[label, key] : byName) {
            m_text.sample(label + R"(,kind="input")", key.inputTokens);
            m_text.sample(label + R"(,kind="output")", key.outputTokens);
        }
        m_text.family("key_cost_usd", Type::Counter,
                      "Cost by client key, of the requests whose price is known.");
        for (const auto &[label, key] : byName) {
            m_text.sample(label, key.cost.toString());
        }
    }

    void writeBudgets()
    {
        std::map<QByteArray, GatewayFigures::Budget> byName;
        size_t shown[2] = {0, 0};
        for (const GatewayFigures::Budget &budget : m_state.budgets) {
            const bool fits = shown[budget.team ? 1 : 0]++ < GatewayFigures::kMaxBudgets;
            const QByteArray labels =
                MetricsText::label("scope", budget.team ? "team" : "key") + ',' +
                MetricsText::label("name", fits ? budget.name : QByteArray("other"));
            GatewayFigures::Budget &sum = byName[labels];
            sum.limit += budget.limit;
            sum.spent += budget.spent;
            sum.held += budget.held;
        }
        const auto write = [this, &byName](const char *name, const char *help,
                                           Money GatewayFigures::Budget::*member) {
            m_text.family(name, Type::Gauge, help);
            for (const auto &[labels, budget] : byName) {
                m_text.sample(labels, (budget.*member).toString());
            }
        };
        write("budget_limit_usd", "What may be spent in the running period.",
              &GatewayFigures::Budget::limit);
        write("budget_spent_usd", "What was spent in the running period.",
              &GatewayFigures::Budget::spent);
        write("budget_held_usd", "What is reserved for requests in flight.",
              &GatewayFigures::Budget::held);
    }

    void writeBackends()
    {
        m_text.family("requests_in_flight", Type::Gauge, "Requests that a backend is working on.");
        for (const GatewayFigures::Backend &backend : m_state.backends) {
            m_text.sample(MetricsText::label("backend", backend.name), backend.inFlight);
        }
        m_text.family("backend_reachable", Type::Gauge,
                      "1: the last try reached the backend, 0: it did not; absent: not tried yet.");
        for (const GatewayFigures::Backend &backend : m_state.backends) {
            if (backend.reachable) {
                m_text.sample(MetricsText::label("backend", backend.name),
                              qint64(*backend.reachable));
            }
        }
        perState("backend_health", "1 for what its checks and requests say of it, 0 for the rest.",
                 GatewayFigures::healthNames(), &GatewayFigures::Backend::health);
        perBackend("backend_draining", Type::Gauge,
                   "1: taken out of service by hand; it gets no new requests.",
                   [](const GatewayFigures::Backend &b) { return qint64(b.draining); });
        perState("breaker_state", "1 for the state its circuit breaker is in, 0 for the others.",
                 GatewayFigures::breakerStateNames(), &GatewayFigures::Backend::breaker);
        m_text.family("breaker_transitions", Type::Counter,
                      "Times that the circuit breaker went into a state.");
        for (const GatewayFigures::Backend &backend : m_state.backends) {
            for (size_t i = 0; i < backend.breakerTransitions.size(); ++i) {
                m_text.sample(
                    MetricsText::label("backend", backend.name) + ',' +
                        MetricsText::label("to", GatewayFigures::breakerStateNames()[qsizetype(i)]),
                    backend.breakerTransitions[i]);
            }
        }
        m_text.family("backend_keys", Type::Gauge,
                      "Keys of the backend by state; dead: refused, or out of credit.");
        for (const GatewayFigures::Backend &backend : m_state.backends) {
            for (size_t i = 0; i < backend.keys.size(); ++i) {
                m_text.sample(
                    MetricsText::label("backend", backend.name) + ',' +
                        MetricsText::label("state", GatewayFigures::keyStateNames()[qsizetype(i)]),
                    backend.keys[i]);
            }
        }
        perBackend("queue_waiting", Type::Gauge, "Requests that wait for a place at the backend.",
                   [](const GatewayFigures::Backend &b) { return b.waiting; });
        perBackend("queue_refused", Type::Counter,
                   "Times that a request found the backend's queue full.",
                   [](const GatewayFigures::Backend &b) { return b.queueRefused; });
        perBackend("queue_timeouts", Type::Counter,
                   "Times that a request waited too long in the backend's queue.",
                   [](const GatewayFigures::Backend &b) { return b.queueTimedOut; });
    }

    template <typename Value>
    void perBackend(const char *name, Type type, const char *help, Value value)
    {
        m_text.family(name, type, help);
        for (const GatewayFigures::Backend &backend : m_state.backends) {
            m_text.sample(MetricsText::label("backend", backend.name), value(backend));
        }
    }

    void perState(const char *name, const char *help, const QByteArrayList &states,
                  QByteArray GatewayFigures::Backend::*member)
    {
        m_text.family(name, Type::Gauge, help);
        for (const GatewayFigures::Backend &backend : m_state.backends) {
            for (const QByteArray &state : states) {
                m_text.sample(MetricsText::label("backend", backend.name) + ',' +
                                  MetricsText::label("state", state),
                              qint64(backend.*member == state));
            }
        }
    }

    void writeLedger()
    {
        if (m_state.ledger) {
            const GatewayFigures::Ledger &ledger = *m_state.ledger;
            single("ledger_queue_rows", Type::Gauge, "Ledger rows not yet written.", ledger.queued);
            single("ledger_spill_rows", Type::Gauge,
                   "Ledger rows in the spill file, because the database could not take them yet.",
                   ledger.spilled);
            single("ledger_written_rows", Type::Counter, "Ledger rows written to the database.",
                   ledger.written);
            single("ledger_lost_rows", Type::Counter,
                   "Ledger rows that neither the database nor the spill file took.", ledger.lost);
        }
        single("log_lines_dropped", Type::Counter, "Log lines dropped because the log was slow.",
               m_state.logLinesDropped);
        single("live_events_dropped", Type::Counter,
               "Exchanges left out of the live view because there were too many.",
               m_counted.liveEventsDropped);
        single("metrics_folded_requests", Type::Counter,
               "Requests counted under \"other\" because there were too many series.",
               m_counted.folded);
    }

    void writePrices()
    {
        m_text.family("price_table_age_seconds", Type::Gauge, "Age of the prices, by their date.");
        if (m_state.priceAgeSeconds) {
            m_text.sample({}, *m_state.priceAgeSeconds);
        }
        single("price_table_entries", Type::Gauge, "Prices in force.", m_state.prices);
    }

    void writeProcess()
    {
        const auto known = [this](const char *name, Type type, const char *help, qint64 value,
                                  bool isTime) {
            if (value >= 0) {
                single(name, type, help,
                       isTime ? MetricsText::seconds(value) : QByteArray::number(value));
            }
        };
        const ProcessFigures &process = m_state.process;
        single("connections", Type::Gauge, "Open connections of clients.", m_counted.connections);
        single("config_revision", Type::Gauge, "Grows by one with each change of configuration.",
               m_state.configRevision);
        m_text.family("build_info", Type::Gauge, "Always 1; the version is in the label.");
        m_text.sample(MetricsText::label("version", TIDEGATE_VERSION) + ',' +
                          MetricsText::label("qt", qVersion()),
                      qint64(1));
        known("process_resident_memory_bytes", Type::Gauge, "Memory in use.", process.residentBytes,
              false);
        known("process_cpu_seconds", Type::Counter, "Processor time, user and system.",
              process.cpuUs, true);
        known("process_open_fds", Type::Gauge, "Open file descriptors.", process.openFiles, false);
        known("process_max_fds", Type::Gauge, "Most file descriptors that may be open.",
              process.maxOpenFiles, false);
        known("process_start_time_seconds", Type::Gauge, "When the gateway started, since 1970.",
              m_state.startedAtUs, true);
    }

    const ShardFigures &m_counted;
    const GatewayFigures &m_state;
    MetricsText m_text;
    std::vector<QByteArray> m_labels; ///< of each traffic entry
};

} // namespace

const QByteArrayList &GatewayFigures::healthNames()
{
    static const QByteArrayList kNames{"unknown", "healthy", "loading", "unhealthy"};
    return kNames;
}

const QByteArrayList &GatewayFigures::breakerStateNames()
{
    static const QByteArrayList kNames{"closed", "open", "half_open"};
    return kNames;
}

const QByteArrayList &GatewayFigures::keyStateNames()
{
    static const QByteArrayList kNames{"ready", "cooling", "dead", "on_trial"};
    return kNames;
}

QByteArray renderPrometheus(const ShardFigures &counted, const GatewayFigures &state,
                            MetricsFormat format)
{
    return Page(counted, state, format).write();
}

} // namespace tidegate
