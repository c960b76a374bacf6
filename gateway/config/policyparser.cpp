// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/policyparser.h"

#include "gateway/config/configschema.h"
#include "gateway/config/configsource.h"
#include "gateway/config/configvalidator.h"

#include <algorithm>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

/// Entries of the database refer to no variables: who may write them through the admin API may not
/// read the environment that way.
const QProcessEnvironment kNoVariables;

BudgetPeriod periodOf(const QString &name)
{
    return name == u"hour"_s    ? BudgetPeriod::Hour
           : name == u"day"_s   ? BudgetPeriod::Day
           : name == u"week"_s  ? BudgetPeriod::Week
           : name == u"month"_s ? BudgetPeriod::Month
                                : BudgetPeriod::Total;
}

Error reasonsOf(const ConfigProblems &problems)
{
    QStringList reasons;
    for (const ConfigProblem &problem : problems.all()) {
        if (problem.severity == ConfigProblem::Severity::Error) {
            reasons.append(problem.toString());
        }
    }
    return Error{reasons.join(u'\n')};
}

/// The validated entry @p name of the file's section @p section, or everything wrong with it.
Result<ConfigNode> validEntry(const QString &section, const QString &name,
                              const QJsonObject &config)
{
    ConfigNode all;
    all.kind = ConfigNode::Kind::Map;
    all.items.push_back(ConfigNode::fromJson(config));
    all.items.front().key = name;
    ConfigProblems problems;
    ConfigValidator(kNoVariables, {}, problems)
        .validate(all, *configSchema().child(section), section);
    if (problems.hasErrors()) {
        return reasonsOf(problems);
    }
    return std::move(all.items.front());
}

/// As validEntry(), for a section or an entry that is described by @p schema alone.
Result<ConfigNode> validSection(const SchemaField &schema, const QString &path,
                                const QJsonObject &config)
{
    ConfigNode node = ConfigNode::fromJson(config);
    ConfigProblems problems;
    ConfigValidator(kNoVariables, {}, problems).validate(node, schema, path);
    if (problems.hasErrors()) {
        return reasonsOf(problems);
    }
    return node;
}

/// The child's validated number; nothing when it is missing or was refused.
std::optional<int> numberOf(const ConfigNode *section, QStringView name)
{
    const ConfigNode *node = section ? section->find(name) : nullptr;
    return node && node->value.isValid() ? std::optional(node->value.toInt()) : std::nullopt;
}

std::optional<qint64> millisecondsOf(const ConfigNode *section, QStringView name, qint64 unit)
{
    const auto number = numberOf(section, name);
    return number ? std::optional(*number * unit) : std::nullopt;
}

AffinityRule readAffinity(const ConfigNode &entry)
{
    AffinityRule rule;
    rule.prefixBytes = int(entry.integer(u"affinity_bytes", rule.prefixBytes));
    const QString text = entry.string(u"affinity");
    if (text == u"prompt_prefix"_s) {
        rule.by = AffinityRule::By::PromptPrefix;
    } else if (!text.isEmpty() && parseBoolean(text) != false) {
        rule.by = AffinityRule::By::Header;
        rule.header = text.toLatin1();
    }
    return rule;
}

} // namespace

Limits readLimits(const ConfigNode *section)
{
    Limits limits;
    if (section) {
        limits.requestsPerMinute = section->integer(u"requests_per_minute", 0);
        limits.tokensPerMinute = section->integer(u"tokens_per_minute", 0);
        limits.tokensPerDay = section->integer(u"tokens_per_day", 0);
        limits.maxConcurrency = int(section->integer(u"max_concurrency", 0));
        if (section->string(u"algorithm") == u"sliding_window"_s) {
            limits.algorithm = LimitAlgorithm::SlidingWindow;
        }
    }
    return limits;
}

std::optional<BudgetRule> readBudget(const ConfigNode *section)
{
    const auto amount =
        section ? Money::parse(section->string(u"usd").toLatin1()) : std::optional<Money>();
    if (!amount) {
        return std::nullopt;
    }
    BudgetRule rule;
    rule.amount = *amount;
    rule.period = periodOf(section->string(u"period"));
    rule.timeZone = section->string(u"timezone", QString::fromLatin1(rule.timeZone)).toLatin1();
    rule.softPercent = int(section->integer(u"soft_percent", rule.softPercent));
    rule.shadow = section->string(u"mode") == u"shadow"_s;
    return rule;
}

void readKeyRules(const ConfigNode &entry, ClientKey &key)
{
    key.team = entry.string(u"team");
    key.disabled = entry.boolean(u"disabled", false);
    key.limits = readLimits(entry.find(u"limits"));
    key.budget = readBudget(entry.find(u"budget"));
    key.expiresAt = {};
    key.models.clear();
    key.allowedIps.clear();
    if (const ConfigNode *expires = entry.find(u"expires"); expires && expires->value.isValid()) {
        key.expiresAt = expires->value.toDateTime();
    }
    if (const ConfigNode *models = entry.find(u"models")) {
        for (const ConfigNode &item : models->items) {
            if (item.value.isValid()) {
                key.models.emplace_back(item.value.toString().toUtf8());
            }
        }
    }
    if (const ConfigNode *subnets = entry.find(u"allowed_ips")) {
        for (const ConfigNode &item : subnets->items) {
            if (item.value.isValid()) {
                key.allowedIps.push_back(item.value.value<std::pair<QHostAddress, int>>());
            }
        }
    }
}

Team readTeam(const ConfigNode &entry, const QString &name)
{
    Team team;
    team.name = name;
    team.limits = readLimits(entry.find(u"limits"));
    team.budget = readBudget(entry.find(u"budget"));
    team.config = sourceOf(entry, configSchema().child(u"teams")->children.front()).toObject();
    return team;
}

RetryOverrides readRetry(const ConfigNode *section)
{
    return {numberOf(section, u"max_attempts"), millisecondsOf(section, u"backoff_ms", 1),
            millisecondsOf(section, u"max_backoff_ms", 1)};
}

BreakerOverrides readBreaker(const ConfigNode *section)
{
    BreakerOverrides breaker;
    if (const ConfigNode *enabled = section ? section->find(u"enabled") : nullptr;
        enabled && enabled->value.isValid()) {
        breaker.enabled = enabled->value.toBool();
    }
    if (const ConfigNode *ratio = section ? section->find(u"failure_ratio") : nullptr;
        ratio && ratio->value.isValid()) {
        breaker.failureRatio = ratio->value.toDouble();
    }
    breaker.consecutiveFailures = numberOf(section, u"consecutive_failures");
    breaker.windowMs = millisecondsOf(section, u"window_seconds", 1000);
    breaker.minRequests = numberOf(section, u"min_requests");
    breaker.openMs = millisecondsOf(section, u"open_seconds", 1000);
    breaker.maxOpenMs = millisecondsOf(section, u"max_open_seconds", 1000);
    breaker.halfOpenSuccesses = numberOf(section, u"half_open_successes");
    return breaker;
}

TimeoutOverrides readTimeouts(const ConfigNode *section)
{
    return {numberOf(section, u"connect_ms"), numberOf(section, u"first_byte_ms"),
            numberOf(section, u"idle_ms"), numberOf(section, u"total_ms")};
}

ModelConfig readModel(const ConfigNode &entry, Origin origin)
{
    ModelConfig model;
    model.name = entry.key.toUtf8();
    model.origin = origin;
    model.source = sourceOf(entry, configSchema().child(u"models")->children.front()).toObject();
    if (const ConfigNode *targets = entry.find(u"targets")) {
        for (const ConfigNode &item : targets->items) {
            ModelTarget target;
            target.backend = item.string(u"backend").toUtf8();
            target.model = item.string(u"model", entry.key).toUtf8();
            target.weight = int(item.integer(u"weight", 1));
            target.priority = numberOf(&item, u"priority");
            model.targets.push_back(std::move(target));
        }
    }
    if (const ConfigNode *aliases = entry.find(u"aliases")) {
        for (const ConfigNode &item : aliases->items) {
            if (item.value.isValid()) {
                model.aliases.emplace_back(item.value.toString().toUtf8());
            }
        }
    }
    if (const ConfigNode *fallbacks = entry.find(u"fallbacks")) {
        for (const ConfigNode &item : fallbacks->items) {
            if (item.value.isValid()) {
                model.fallbacks.append(item.value.toString().toUtf8());
            }
        }
    }
    model.strategy = routingStrategyFromName(entry.string(u"strategy").toLatin1())
                         .value_or(RoutingStrategy::Priority);
    model.affinity = readAffinity(entry);
    if (const ConfigNode *hedge = entry.find(u"hedge")) {
        model.hedge.enabled = hedge->boolean(u"enabled", true);
        model.hedge.afterMs = int(hedge->integer(u"after_ms", 0));
    }
    if (const ConfigNode *mirror = entry.find(u"mirror")) {
        model.mirror.backend = mirror->string(u"backend").toUtf8();
        model.mirror.model = mirror->string(u"model", entry.key).toUtf8();
        if (const ConfigNode *percent = mirror->find(u"percent");
            percent && percent->value.isValid()) {
            model.mirror.percent = percent->value.toDouble();
        }
    }
    model.timeouts = readTimeouts(entry.find(u"timeouts"));
    model.retry = readRetry(entry.find(u"retry"));
    return model;
}

RateLimits readRateLimits(const ConfigNode &section)
{
    RateLimits limits;
    limits.perKey = readLimits(section.find(u"default"));
    limits.perIp = readLimits(section.find(u"per_ip"));
    if (const ConfigNode *models = section.find(u"per_model")) {
        for (const ConfigNode &item : models->items) {
            limits.perModel.push_back({Glob(item.key.toUtf8()), readLimits(&item)});
        }
    }
    std::stable_sort(limits.perModel.begin(), limits.perModel.end(),
                     [](const ModelLimits &a, const ModelLimits &b) {
                         return a.pattern.isExact() != b.pattern.isExact()
                                    ? a.pattern.isExact()
                                    : a.pattern.specificity() > b.pattern.specificity();
                     });
    limits.source = sourceOf(section, *configSchema().child(u"rate_limits")).toObject();
    return limits;
}

Result<ClientKey> parseKey(ClientKey key)
{
    const auto entry = validSection(keySchema(), u"keys."_s + key.name, key.config);
    if (!entry) {
        return Error{entry.error()};
    }
    readKeyRules(*entry, key);
    return key;
}

Result<Team> parseTeam(const QString &name, const QJsonObject &config)
{
    const auto entry = validEntry(u"teams"_s, name, config);
    if (!entry) {
        return Error{entry.error()};
    }
    Team team = readTeam(*entry, name);
    team.config = config;
    return team;
}

Result<ModelConfig> parseModel(const QByteArray &name, const QJsonObject &config)
{
    const auto entry = validEntry(u"models"_s, QString::fromUtf8(name), config);
    if (!entry) {
        return Error{entry.error()};
    }
    ModelConfig model = readModel(*entry, Origin::Panel);
    model.source = config;
    return model;
}

Result<ConfigNode> checkRateLimits(const QJsonObject &config)
{
    const QString section = u"rate_limits"_s;
    return validSection(*configSchema().child(section), section, config);
}

} // namespace tidegate
