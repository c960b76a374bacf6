// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/desktop/demousage.h"

#include <QDateTime>
#include <QTimeZone>

#include <algorithm>
#include <array>
#include <cmath>

namespace tidegate::demousage {

namespace {

constexpr qint64 kMinuteUs = 60'000'000;

/// One stream of traffic: a key's use of a model.
struct Source
{
    const char *key;
    const char *team;
    const char *model;
    const char *backend;
    double perHour; ///< at the busiest time of a working day
    int tokensIn;
    int tokensOut;
    int microPerRequest; ///< cost in millionths of a dollar; -1: no known price
    int errorPerMille;
    bool nightly;
};

constexpr std::array<Source, 9> kSources{{
    {"support-bot", "product", "gpt-4o-mini", "openai", 61, 900, 240, 840, 9, false},
    {"ide-assistant", "research", "qwen2.5-7b-instruct", "gpu-box", 47, 1'400, 160, 0, 14, false},
    {"support-bot", "product", "gpt-4o", "openai", 22, 1'100, 320, 5'950, 12, false},
    {"ci", "platform", "gpt-4o-mini", "openai", 36, 2'100, 420, 1'170, 22, true},
    {"notebook", "research", "llama-3.3-70b-versatile", "groq", 18, 700, 380, 1'420, 31, false},
    {"ide-assistant", "research", "llama3.2:3b", "ollama", 11, 500, 90, 0, 6, false},
    {"ci", "platform", "nomic-embed-text", "ollama", 24, 620, 0, 0, 3, true},
    {"notebook", "research", "gpt-4o", "openai", 5, 1'600, 510, 9'100, 15, false},
    {"notebook", "research", "mistral-small-latest", "mistral", 1, 640, 210, -1, 40, false},
}};

/// The same for the same time and source: 0 to 1.
double noise(qint64 minute, size_t source, unsigned salt)
{
    std::uint64_t x = std::uint64_t(minute) * 0x9E3779B97F4A7C15ULL +
                      (std::uint64_t(source) + 1) * 0xBF58476D1CE4E5B9ULL + salt;
    x ^= x >> 31;
    x *= 0x94D049BB133111EBULL;
    x ^= x >> 29;
    return double(x >> 11) / 9007199254740992.0;
}

/// How busy it is: working hours, quiet weekends, a slow rise over the weeks.
double busy(qint64 us, bool nightly)
{
    const double hours = double(us) / 3.6e9;
    const double hour = std::fmod(hours, 24);
    const auto day = qint64(hours / 24);
    const bool weekend = (day + 3) % 7 >= 5; // 1970 began on a Thursday
    const double working = std::exp(-std::pow((hour - 13.2) / 4.2, 2.0));
    const double night = hour < 5 ? 0.9 : 0.08;
    const double level = nightly ? night + 0.35 * working : 0.05 + working;
    return level * (weekend ? 0.35 : 1) * (0.75 + 0.25 * std::sin(double(day) / 9.0)) *
           (0.8 + double(day % 30) / 90);
}

qint64 requestsIn(qint64 fromUs, qint64 toUs, size_t index)
{
    const Source &source = kSources[index];
    const double mean =
        source.perHour * double(toUs - fromUs) / 3.6e9 * busy((fromUs + toUs) / 2, source.nightly);
    const double drawn = mean * (0.7 + 0.6 * noise(fromUs / kMinuteUs, index, 1)) +
                         noise(fromUs / kMinuteUs, index, 2);
    return qint64(drawn);
}

UsageFigures figures(qint64 fromUs, qint64 toUs, size_t index)
{
    const Source &source = kSources[index];
    const qint64 minute = fromUs / kMinuteUs;
    UsageFigures f;
    f.requests = requestsIn(fromUs, toUs, index);
    const double size = 0.85 + 0.3 * noise(minute, index, 3);
    f.errors =
        qint64(double(f.requests) * source.errorPerMille / 1e3 + noise(minute, index, 4) * 0.9);
    f.errors = std::min(f.errors, f.requests);
    f.cancelled = f.requests / 48;
    f.tokensIn = qint64(double(f.requests * source.tokensIn) * size);
    f.tokensOut = qint64(double(f.requests * source.tokensOut) * size);
    f.cachedIn = source.microPerRequest > 0 ? f.tokensIn * 31 / 100 : 0;
    f.estimated = f.cancelled;
    if (source.microPerRequest < 0) {
        f.unknownCost = f.requests;
    } else {
        f.cost = Money::fromNano(qint64(double(f.requests) * source.microPerRequest * 1e3 * size));
    }
    return f;
}

void addTo(UsageFigures &to, const UsageFigures &f)
{
    to.requests += f.requests;
    to.errors += f.errors;
    to.cancelled += f.cancelled;
    to.tokensIn += f.tokensIn;
    to.tokensOut += f.tokensOut;
    to.cachedIn += f.cachedIn;
    to.reasoning += f.reasoning;
    to.cost += f.cost;
    to.unknownCost += f.unknownCost;
    to.estimated += f.estimated;
}

void setLatency(UsageFigures &f, qint64 us, size_t salt)
{
    if (f.requests == 0) {
        return;
    }
    const qint64 minute = us / kMinuteUs;
    f.p50Us = qint64(1'250'000 * (0.8 + 0.45 * noise(minute, salt, 5)));
    f.p95Us = qint64(double(f.p50Us) * (2.4 + 0.9 * noise(minute, salt, 6)));
    f.p99Us = qint64(double(f.p95Us) * (1.3 + 0.9 * noise(minute, salt, 7)));
}

QString nameOf(const Source &source, UsageGroup group)
{
    switch (group) {
    case UsageGroup::Key:
        return QString::fromLatin1(source.key);
    case UsageGroup::Team:
        return QString::fromLatin1(source.team);
    case UsageGroup::Model:
        return QString::fromLatin1(source.model);
    case UsageGroup::Backend:
        return QString::fromLatin1(source.backend);
    }
    return {};
}

qint64 nextStep(qint64 us, const UsageRequest &request, const QTimeZone &zone)
{
    if (request.step == UsageRequest::Step::Day) {
        const QDate day = QDateTime::fromMSecsSinceEpoch(us / 1'000, zone).date();
        return day.addDays(1).startOfDay(zone).toMSecsSinceEpoch() * 1'000;
    }
    if (request.step == UsageRequest::Step::Month) {
        const QDate day = QDateTime::fromMSecsSinceEpoch(us / 1'000, zone).date();
        const QDate next = QDate(day.year(), day.month(), 1).addMonths(1);
        return next.startOfDay(zone).toMSecsSinceEpoch() * 1'000;
    }
    return us + (request.step == UsageRequest::Step::Hour ? 60 : 1) * kMinuteUs;
}

/// Goes through the range in whole hours or minutes, so that ranges agree with each other.
UsageFigures sum(qint64 fromUs, qint64 toUs, size_t index, bool minutes)
{
    const qint64 unitUs = (minutes ? 1 : 60) * kMinuteUs;
    UsageFigures total;
    for (qint64 us = fromUs; us < toUs; us += unitUs) {
        addTo(total, figures(us, std::min(us + unitUs, toUs), index));
    }
    return total;
}

} // namespace

UsageReport report(const UsageRequest &request, qint64 nowUs)
{
    const QTimeZone zone(request.timeZone);
    const bool minutes = request.step == UsageRequest::Step::Minute;
    const qint64 endUs = std::min(request.toUs, nowUs);
    UsageReport report;
    for (qint64 us = request.fromUs; us < request.toUs; us = nextStep(us, request, zone)) {
        report.startsUs.push_back(us);
    }
    report.steps.resize(report.startsUs.size());
    for (size_t source = 0; source < kSources.size(); ++source) {
        const QString name = nameOf(kSources[source], request.group);
        auto series = std::find_if(report.series.begin(), report.series.end(),
                                   [&name](const auto &other) { return other.name == name; });
        if (series == report.series.end()) {
            report.series.push_back({name, {}, std::vector<UsageFigures>(report.steps.size())});
            series = std::prev(report.series.end());
        }
        for (size_t step = 0; step < report.startsUs.size(); ++step) {
            const qint64 fromUs = report.startsUs[step];
            const qint64 toUs = std::min(nextStep(fromUs, request, zone), endUs);
            const UsageFigures f = sum(fromUs, toUs, source, minutes);
            addTo(series->steps[step], f);
            addTo(series->total, f);
            addTo(report.steps[step], f);
            addTo(report.total, f);
        }
        addTo(report.previous, sum(request.previousFromUs, request.previousToUs, source, minutes));
    }
    for (size_t step = 0; step < report.steps.size(); ++step) {
        setLatency(report.steps[step], report.startsUs[step], 0);
    }
    setLatency(report.total, request.fromUs, 1);
    std::erase_if(report.series, [](const auto &series) { return series.total.requests == 0; });
    std::stable_sort(report.series.begin(), report.series.end(), [](const auto &a, const auto &b) {
        return a.total.requests > b.total.requests;
    });
    for (size_t i = 0; i < report.series.size(); ++i) {
        setLatency(report.series[i].total, request.fromUs, i + 2);
    }
    return report;
}

} // namespace tidegate::demousage
