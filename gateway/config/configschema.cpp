// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/configschema.h"

#include "gateway/config/configsnapshot.h"
#include "gateway/config/routingrules.h"

#include <algorithm>
#include <limits>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

using Kind = SchemaField::Kind;
using NameRule = SchemaField::NameRule;
using Fields = std::vector<SchemaField>;

constexpr double kDayMs = 86'400'000;
constexpr double kYearSeconds = 366.0 * 86'400;
constexpr double kLargestInt = std::numeric_limits<int>::max();
constexpr double kLargestCount = 1e15;

SchemaField scalar(const QString &name, Kind kind)
{
    SchemaField field;
    field.name = name;
    field.kind = kind;
    return field;
}

SchemaField number(const QString &name, Kind kind, double minimum, double maximum)
{
    SchemaField field = scalar(name, kind);
    field.minimum = minimum;
    field.maximum = maximum;
    return field;
}

SchemaField integer(const QString &name, double minimum, double maximum)
{
    return number(name, Kind::Integer, minimum, maximum);
}

SchemaField choice(const QString &name, const QStringList &choices)
{
    SchemaField field = scalar(name, Kind::Choice);
    field.choices = choices;
    return field;
}

SchemaField section(const QString &name, Fields children)
{
    SchemaField field = scalar(name, Kind::Section);
    field.children = std::move(children);
    return field;
}

SchemaField named(const QString &name, NameRule rule, SchemaField entry)
{
    SchemaField field = scalar(name, Kind::Named);
    field.nameRule = rule;
    field.children.push_back(std::move(entry));
    return field;
}

SchemaField list(const QString &name, SchemaField entry, int shortest = 0)
{
    SchemaField field = scalar(name, Kind::List);
    field.minimum = shortest;
    field.children.push_back(std::move(entry));
    return field;
}

SchemaField required(SchemaField field)
{
    field.required = true;
    return field;
}

/// For what a later version acts on.
SchemaField later(SchemaField field)
{
    field.active = false;
    return field;
}

SchemaField timeoutsSection()
{
    return section(u"timeouts"_s, {number(u"connect_ms"_s, Kind::Milliseconds, 0, kDayMs),
                                   number(u"first_byte_ms"_s, Kind::Milliseconds, 0, kDayMs),
                                   number(u"idle_ms"_s, Kind::Milliseconds, 0, kDayMs),
                                   number(u"total_ms"_s, Kind::Milliseconds, 0, kDayMs)});
}

SchemaField retrySection()
{
    return section(u"retry"_s, {integer(u"max_attempts"_s, 1, 20),
                                number(u"backoff_ms"_s, Kind::Milliseconds, 0, kDayMs),
                                number(u"max_backoff_ms"_s, Kind::Milliseconds, 0, kDayMs)});
}

SchemaField breakerSection(const QString &name)
{
    return section(name, {scalar(u"enabled"_s, Kind::Boolean),
                          integer(u"consecutive_failures"_s, 1, 10'000),
                          number(u"failure_ratio"_s, Kind::Decimal, 0.01, 1),
                          number(u"window_seconds"_s, Kind::Seconds, 1, 3600),
                          integer(u"min_requests"_s, 1, 1'000'000),
                          number(u"open_seconds"_s, Kind::Seconds, 1, 86'400),
                          number(u"max_open_seconds"_s, Kind::Seconds, 1, 86'400),
                          integer(u"half_open_successes"_s, 1, 1000)});
}

Fields cacheFields()
{
    return {scalar(u"enabled"_s, Kind::Boolean),
            choice(u"mode"_s, {u"exact"_s, u"semantic"_s}),
            number(u"ttl_seconds"_s, Kind::Seconds, 1, kYearSeconds),
            integer(u"max_entries"_s, 1, 100'000'000),
            number(u"similarity_threshold"_s, Kind::Decimal, 0, 1),
            section(u"embedding"_s, {required(scalar(u"backend"_s, Kind::Text)),
                                     required(scalar(u"model"_s, Kind::ModelName))})};
}

SchemaField healthSection()
{
    return section(u"health"_s,
                   {scalar(u"enabled"_s, Kind::Boolean), scalar(u"path"_s, Kind::UrlPath),
                    number(u"interval_seconds"_s, Kind::Seconds, 1, 86'400),
                    number(u"timeout_ms"_s, Kind::Milliseconds, 1, 600'000),
                    integer(u"healthy_after"_s, 1, 100), integer(u"unhealthy_after"_s, 1, 100),
                    scalar(u"model"_s, Kind::ModelName)});
}

/// A backend that Tidegate starts when it is needed and stops when it is not.
SchemaField managedSection()
{
    return section(u"managed"_s, {required(scalar(u"start"_s, Kind::Text)),
                                  scalar(u"stop"_s, Kind::Text), scalar(u"ready_url"_s, Kind::Text),
                                  number(u"start_timeout_seconds"_s, Kind::Seconds, 1, 86'400),
                                  integer(u"idle_minutes"_s, 0, 100'000)});
}

/// The SSH tunnel through which a backend is reached.
SchemaField sshSection()
{
    return section(u"ssh"_s,
                   {required(scalar(u"host"_s, Kind::Text)), scalar(u"user"_s, Kind::Text),
                    integer(u"port"_s, 1, 65'535), scalar(u"identity_file"_s, Kind::ExistingFile),
                    scalar(u"known_hosts_file"_s, Kind::ExistingFile),
                    scalar(u"remote_host"_s, Kind::Text), integer(u"remote_port"_s, 1, 65'535)});
}

SchemaField limitsSection(const QString &name)
{
    return section(name, {integer(u"requests_per_minute"_s, 1, kLargestCount),
                          integer(u"tokens_per_minute"_s, 1, kLargestCount),
                          integer(u"max_concurrency"_s, 1, 1'000'000),
                          integer(u"tokens_per_day"_s, 1, kLargestCount),
                          choice(u"algorithm"_s, {u"token_bucket"_s, u"sliding_window"_s})});
}

SchemaField budgetSection()
{
    return section(
        u"budget"_s,
        {required(number(u"usd"_s, Kind::Money, 0, 1e9)),
         required(choice(u"period"_s, {u"hour"_s, u"day"_s, u"week"_s, u"month"_s, u"total"_s})),
         scalar(u"timezone"_s, Kind::TimeZone), integer(u"soft_percent"_s, 1, 100),
         choice(u"mode"_s, {u"enforce"_s, u"shadow"_s})});
}

SchemaField backendEntry()
{
    return section({}, {required(choice(u"type"_s, backendTypeNames())),
                        scalar(u"url"_s, Kind::Text),
                        scalar(u"api_key"_s, Kind::Secret),
                        list(u"api_keys"_s, scalar({}, Kind::Secret), 1),
                        list(u"models"_s, scalar({}, Kind::Pattern)),
                        scalar(u"tool_call_parser"_s, Kind::Text),
                        integer(u"priority"_s, 0, 1'000'000),
                        integer(u"weight"_s, 0, 1'000'000),
                        integer(u"max_concurrency"_s, 0, 1'000'000),
                        integer(u"max_queue"_s, 0, 1'000'000),
                        number(u"queue_timeout_ms"_s, Kind::Milliseconds, 0, kDayMs),
                        named(u"headers"_s, NameRule::Header, scalar({}, Kind::HeaderValue)),
                        timeoutsSection(),
                        retrySection(),
                        breakerSection(u"breaker"_s),
                        healthSection(),
                        managedSection(),
                        sshSection(),
                        scalar(u"allow_private_network"_s, Kind::Boolean),
                        scalar(u"proxy"_s, Kind::Secret),
                        section(u"tls"_s, {scalar(u"ca_file"_s, Kind::ExistingFile),
                                           scalar(u"verify"_s, Kind::Boolean)})});
}

SchemaField modelEntry()
{
    return section(
        {}, {required(list(u"targets"_s,
                           section({}, {required(scalar(u"backend"_s, Kind::Text)),
                                        scalar(u"model"_s, Kind::ModelName),
                                        integer(u"weight"_s, 0, 1'000'000),
                                        integer(u"priority"_s, 0, 1'000'000)}),
                           1)),
             list(u"aliases"_s, scalar({}, Kind::Pattern)),
             choice(u"strategy"_s, routingStrategyNames()),
             list(u"fallbacks"_s, scalar({}, Kind::ModelName)),
             scalar(u"affinity"_s, Kind::HeaderName), integer(u"affinity_bytes"_s, 16, 1'048'576),
             section(u"hedge"_s, {scalar(u"enabled"_s, Kind::Boolean),
                                  number(u"after_ms"_s, Kind::Milliseconds, 1, kDayMs)}),
             section(u"mirror"_s, {required(scalar(u"backend"_s, Kind::Text)),
                                   scalar(u"model"_s, Kind::ModelName),
                                   number(u"percent"_s, Kind::Decimal, 0, 100)}),
             timeoutsSection(), retrySection(), later(section(u"cache"_s, cacheFields()))});
}

SchemaField teamEntry()
{
    return section({}, {budgetSection(), limitsSection(u"limits"_s)});
}

Fields keyRules()
{
    return {scalar(u"team"_s, Kind::Text),
            list(u"models"_s, scalar({}, Kind::Pattern)),
            scalar(u"expires"_s, Kind::Expiry),
            scalar(u"disabled"_s, Kind::Boolean),
            list(u"allowed_ips"_s, scalar({}, Kind::Subnet)),
            limitsSection(u"limits"_s),
            budgetSection()};
}

SchemaField keyEntry()
{
    Fields fields = {scalar(u"key"_s, Kind::Secret), scalar(u"key_sha256"_s, Kind::Sha256)};
    for (SchemaField &rule : keyRules()) {
        fields.push_back(std::move(rule));
    }
    return section({}, std::move(fields));
}

SchemaField rateLimitsSection()
{
    return section(u"rate_limits"_s,
                   {limitsSection(u"default"_s), limitsSection(u"per_ip"_s),
                    named(u"per_model"_s, NameRule::ModelPattern, limitsSection({}))});
}

SchemaField pricesSection()
{
    return section(u"prices"_s, {scalar(u"file"_s, Kind::ExistingFile),
                                 choice(u"unknown"_s, {u"deny"_s, u"allow"_s})});
}

SchemaField serverSection()
{
    return section(u"server"_s, {scalar(u"host"_s, Kind::Text), integer(u"port"_s, 0, 65'535),
                                 integer(u"workers"_s, 1, 64),
                                 number(u"max_request_body_bytes"_s, Kind::Bytes, 1, 4e9),
                                 integer(u"max_connections"_s, 1, 1'000'000),
                                 number(u"header_timeout_seconds"_s, Kind::Seconds, 1, 3600),
                                 number(u"drain_seconds"_s, Kind::Seconds, 0, 86'400),
                                 choice(u"auth"_s, {u"required"_s, u"off"_s})});
}

SchemaField logSection()
{
    return section(
        u"log"_s,
        {choice(u"level"_s, {u"debug"_s, u"info"_s, u"warning"_s, u"warn"_s, u"error"_s}),
         choice(u"format"_s, {u"auto"_s, u"json"_s, u"text"_s}),
         choice(u"requests"_s, {u"off"_s, u"errors"_s, u"all"_s}),
         later(scalar(u"bodies"_s, Kind::Boolean)), integer(u"retention_days"_s, 0, 36'500)});
}

SchemaField wholeFile()
{
    return section({}, {serverSection(), scalar(u"default_backend"_s, Kind::Text),
                        named(u"backends"_s, NameRule::Identifier, backendEntry()),
                        named(u"providers"_s, NameRule::Identifier, backendEntry()),
                        named(u"models"_s, NameRule::Model, modelEntry()),
                        named(u"teams"_s, NameRule::Identifier, teamEntry()),
                        named(u"keys"_s, NameRule::Identifier, keyEntry()), rateLimitsSection(),
                        breakerSection(u"circuit_breaker"_s),
                        later(section(u"cache"_s, cacheFields())), pricesSection(), logSection()});
}

void collectKeys(const SchemaField &field, const QString &path, QStringList &keys)
{
    for (const SchemaField &child : field.children) {
        const QString part = child.name.isEmpty() ? u"*"_s : child.name;
        const QString childPath = path.isEmpty() ? part : path + u'.' + part;
        const bool listEntry = field.kind == Kind::List;
        if (!child.name.isEmpty()) {
            keys.append(childPath);
        }
        collectKeys(child, listEntry ? path : childPath, keys);
    }
}

} // namespace

const SchemaField *SchemaField::child(QStringView key) const
{
    const auto it = std::find_if(children.cbegin(), children.cend(),
                                 [key](const SchemaField &field) { return field.name == key; });
    return it == children.cend() ? nullptr : &*it;
}

QStringList SchemaField::childNames() const
{
    QStringList names;
    for (const SchemaField &field : children) {
        names.append(field.name);
    }
    return names;
}

const SchemaField &configSchema()
{
    static const SchemaField kSchema = wholeFile();
    return kSchema;
}

const SchemaField &backendSchema()
{
    static const SchemaField kSchema = backendEntry();
    return kSchema;
}

const SchemaField &keySchema()
{
    static const SchemaField kSchema = section({}, keyRules());
    return kSchema;
}

QStringList allConfigKeys()
{
    QStringList keys;
    collectKeys(configSchema(), {}, keys);
    return keys;
}

} // namespace tidegate
