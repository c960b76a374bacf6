// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/config/configloader.h"

#include <QByteArray>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

/// A folder with a configuration file, and what was made of it. For one test function.
class ConfigFixture
{
public:
    ConfigFixture()
    {
        input.environment = {};
        input.file = m_folder.filePath(QStringLiteral("tidegate.yaml"));
    }

    void write(const QString &name, const QByteArray &text,
               QFile::Permissions permissions = QFile::ReadOwner | QFile::WriteOwner) const
    {
        QFile file(m_folder.filePath(name));
        QVERIFY(file.open(QIODevice::WriteOnly));
        QCOMPARE(file.write(text), text.size());
        file.close();
        QVERIFY(file.setPermissions(permissions));
    }

    void load() { outcome = tidegate::loadConfig(input); }

    void load(const QByteArray &yaml)
    {
        write(QStringLiteral("tidegate.yaml"), yaml);
        load();
    }

    [[nodiscard]] QString path(const QString &name) const { return m_folder.filePath(name); }

    [[nodiscard]] const tidegate::ConfigSnapshot &config() const { return *outcome.snapshot; }

    /// All problems of at least that weight, "LINE key: message" each.
    [[nodiscard]] QStringList problems(
        tidegate::ConfigProblem::Severity least = tidegate::ConfigProblem::Severity::Error) const
    {
        QStringList lines;
        for (const tidegate::ConfigProblem &problem : outcome.problems) {
            if (problem.severity >= least) {
                lines.append(QStringLiteral("%1 %2: %3")
                                 .arg(QString::number(problem.line), problem.key, problem.message));
            }
        }
        return lines;
    }

    [[nodiscard]] QString allText() const
    {
        return problems(tidegate::ConfigProblem::Severity::Note).join(u'\n');
    }

    tidegate::ConfigInput input;
    tidegate::ConfigOutcome outcome;

private:
    QTemporaryDir m_folder;
};

/// The example of the documentation: every section, all of it valid.
inline QByteArray completeConfig()
{
    return R"(server:
  host: 127.0.0.1
  port: 8081
  workers: 2
  max_request_body_bytes: 33554432
  max_connections: 12000
  header_timeout_seconds: 10
  drain_seconds: 30
  auth: required
default_backend: echo
backends:
  echo:      { type: echo }
  local:     { type: vllm, url: "http://127.0.0.1:18000", models: [qwen2.5-7b], tool_call_parser: hermes,
    ssh: { host: gpu-box, user: me, port: 22, remote_port: 9000 } }
  openai:    { type: openai, url: "https://api.openai.com/v1", api_key: "${OPENAI_API_KEY}", models: ["gpt-*"], priority: 1 }
  anthropic: { type: anthropic, api_key: "keychain:anthropic", models: ["claude-*"], priority: 2 }
  full:
    type: local
    url: gpu-box:9000
    api_keys: [ "${OPENAI_API_KEY}", "keychain:second" ]
    priority: 200
    weight: 2
    max_concurrency: 4
    headers: { X-Title: Tidegate }
    timeouts: { connect_ms: 1000, first_byte_ms: 30s, idle_ms: 60000, total_ms: 0 }
    retry: { max_attempts: 3, backoff_ms: 100, max_backoff_ms: 2000 }
    breaker: { enabled: true, open_seconds: 10, max_open_seconds: 60 }
    health: { path: /health, interval_seconds: 10 }
    managed: { start: "llama-server -m model.gguf", ready_url: "http://127.0.0.1:9000/health", idle_minutes: 20 }
    allow_private_network: true
    proxy: "http://127.0.0.1:3128"
    tls: { ca_file: ca.pem, verify: true }
models:
  fast:
    targets: [ { backend: openai, model: gpt-4o-mini, weight: 3 }, { backend: local, model: qwen2.5-7b, weight: 1 } ]
    strategy: weighted
    fallbacks: [smart]
  smart: { targets: [ { backend: anthropic, model: claude-sonnet-4-20250514 } ], cache: { enabled: false } }
teams:
  research: { budget: { usd: 500, period: month }, limits: { requests_per_minute: 600 } }
keys:
  ci:
    key: "${TIDEGATE_CI_KEY}"
    team: research
    models: ["fast", "gpt-*"]
    expires: 2037-01-01
    allowed_ips: ["127.0.0.0/8", "::1"]
    limits: { requests_per_minute: 60, tokens_per_minute: 100000, max_concurrency: 8, tokens_per_day: 2000000 }
    budget: { usd: 20.5, period: day, timezone: Europe/Berlin }
rate_limits:
  default: { requests_per_minute: 60, tokens_per_minute: 100000 }
  per_ip:  { requests_per_minute: 5, algorithm: sliding_window }
circuit_breaker: { enabled: true, consecutive_failures: 5, failure_ratio: 0.5, window_seconds: 30, min_requests: 10,
                   open_seconds: 30, max_open_seconds: 120, half_open_successes: 2 }
cache:
  enabled: true
  mode: exact
  ttl_seconds: 3600
  max_entries: 10000
  similarity_threshold: 0.95
  embedding: { backend: local, model: nomic-embed-text }
prices: { file: prices.yaml }
log: { level: debug, format: json, bodies: off, retention_days: 7 }
)";
}
