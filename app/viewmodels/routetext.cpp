// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/viewmodels/routetext.h"

#include <QCoreApplication>

#include <array>
#include <utility>

namespace tidegate::routetext {

namespace {

/// The name under which translators find these texts.
class RouteText
{
    Q_DECLARE_TR_FUNCTIONS(RouteText)
};

constexpr std::pair<const char *, Fault> kFaults[] = {
    {"unreachable", Fault::Unreachable},
    {"timeout", Fault::Timeout},
    {"reset", Fault::Reset},
    {"cut", Fault::Cut},
    {"malformed", Fault::Malformed},
    {"server_error", Fault::ServerError},
    {"overloaded", Fault::Overloaded},
    {"error_inside", Fault::ErrorInside},
    {"rate_limit", Fault::RateLimit},
    {"key", Fault::Key},
    {"billing", Fault::Billing},
    {"context", Fault::Context},
    {"request", Fault::Request},
};

constexpr std::pair<const char *, RouteStep::Reason> kReasons[] = {
    {"not_allowed", RouteStep::Reason::NotAllowed},
    {"draining", RouteStep::Reason::Draining},
    {"key_missing", RouteStep::Reason::KeyMissing},
    {"unhealthy", RouteStep::Reason::Unhealthy},
    {"loading", RouteStep::Reason::Loading},
    {"keys_refused", RouteStep::Reason::KeysRefused},
    {"tools_unsupported", RouteStep::Reason::ToolsUnsupported},
    {"breaker_open", RouteStep::Reason::BreakerOpen},
    {"probe_running", RouteStep::Reason::ProbeRunning},
    {"cooling_down", RouteStep::Reason::CoolingDown},
    {"queue_full", RouteStep::Reason::QueueFull},
    {"queue_timeout", RouteStep::Reason::QueueTimeout},
    {"retries_spent", RouteStep::Reason::RetriesSpent},
    {"over_budget", RouteStep::Reason::OverBudget},
    {"asleep", RouteStep::Reason::Asleep},
    {"starting", RouteStep::Reason::Starting},
    {"not_started", RouteStep::Reason::NotStarted},
};

} // namespace

QString breakerState(BreakerState state)
{
    switch (state) {
    case BreakerState::Closed:
        //: State of a circuit breaker: requests pass
        return RouteText::tr("Closed");
    case BreakerState::Open:
        //: State of a circuit breaker: no request passes
        return RouteText::tr("Open");
    case BreakerState::HalfOpen:
        //: State of a circuit breaker: one request at a time passes
        return RouteText::tr("Half-open");
    }
    return {};
}

QString breakerReason(BreakerReason reason)
{
    // Each ends a line that begins with what the breaker did: "Opened: too many failures in a row".
    switch (reason) {
    case BreakerReason::None:
        return {};
    case BreakerReason::ConsecutiveFailures:
        return RouteText::tr("too many failures in a row");
    case BreakerReason::FailureRatio:
        return RouteText::tr("too many requests failed");
    case BreakerReason::ProbeFailed:
        return RouteText::tr("the probe failed");
    case BreakerReason::RetryAfter:
        return RouteText::tr("the backend asked for a pause");
    case BreakerReason::ByHand:
        return RouteText::tr("by hand");
    case BreakerReason::TimeOver:
        return RouteText::tr("the wait is over");
    case BreakerReason::ProbesSucceeded:
        return RouteText::tr("the probes succeeded");
    case BreakerReason::SwitchedOff:
        return RouteText::tr("breakers were switched off");
    }
    return {};
}

QString fault(Fault fault)
{
    switch (fault) {
    case Fault::None:
        return {};
    case Fault::Unreachable:
        return RouteText::tr("no connection");
    case Fault::Timeout:
        return RouteText::tr("no answer in time");
    case Fault::Reset:
        return RouteText::tr("closed before it answered");
    case Fault::Cut:
        return RouteText::tr("the answer broke off");
    case Fault::Malformed:
        return RouteText::tr("the answer made no sense");
    case Fault::ServerError:
        return RouteText::tr("a server error");
    case Fault::Overloaded:
        return RouteText::tr("overloaded");
    case Fault::ErrorInside:
        return RouteText::tr("an error inside the answer");
    case Fault::RateLimit:
        return RouteText::tr("its rate limit");
    case Fault::Key:
        return RouteText::tr("the key was refused");
    case Fault::Billing:
        return RouteText::tr("no credit left");
    case Fault::Context:
        return RouteText::tr("the prompt is too long");
    case Fault::Request:
        return RouteText::tr("the request was at fault");
    }
    return {};
}

QString fault(std::string_view name)
{
    for (const auto &[known, value] : kFaults) {
        if (name == known) {
            return fault(value);
        }
    }
    return QString::fromUtf8(name.data(), qsizetype(name.size())).replace(u'_', u' ');
}

QString stepReason(RouteStep::Reason reason)
{
    using Reason = RouteStep::Reason;
    switch (reason) {
    case Reason::None:
        return RouteText::tr("Under way");
    case Reason::NotAllowed:
        return RouteText::tr("The client's key may not use this model");
    case Reason::Draining:
        return RouteText::tr("It is being drained");
    case Reason::KeyMissing:
        return RouteText::tr("Its key is not at hand");
    case Reason::Unhealthy:
        return RouteText::tr("Its health checks fail");
    case Reason::Loading:
        return RouteText::tr("It is loading its model");
    case Reason::KeysRefused:
        return RouteText::tr("It refused all its keys lately");
    case Reason::ToolsUnsupported:
        return RouteText::tr("The model takes no tools");
    case Reason::BreakerOpen:
        return RouteText::tr("Its breaker is open");
    case Reason::ProbeRunning:
        return RouteText::tr("Its breaker is half-open, and the one probe is out");
    case Reason::CoolingDown:
        return RouteText::tr("It asked for a pause");
    case Reason::QueueFull:
        return RouteText::tr("All places are taken, and the queue is full");
    case Reason::QueueTimeout:
        return RouteText::tr("Waited too long in its queue");
    case Reason::RetriesSpent:
        return RouteText::tr("Too many recent calls were retries already");
    case Reason::OverBudget:
        return RouteText::tr("The budget has no room for another call");
    case Reason::Asleep:
        return RouteText::tr("It is stopped");
    case Reason::Starting:
        return RouteText::tr("It is starting");
    case Reason::NotStarted:
        return RouteText::tr("It could not be started");
    case Reason::Success:
        return RouteText::tr("It answered");
    case Reason::Transient:
        return RouteText::tr("It failed");
    case Reason::RateLimited:
        return RouteText::tr("It has no room for this key now");
    case Reason::CredentialsDead:
        return RouteText::tr("It refused its key");
    case Reason::ContextTooLong:
        return RouteText::tr("The prompt is too long for it");
    case Reason::ClientFault:
        return RouteText::tr("The request was at fault, and its answer was passed on");
    case Reason::Cancelled:
        return RouteText::tr("Called off: the client left, or another lane answered first");
    case Reason::BrokeOff:
        return RouteText::tr("It failed in the middle of the answer");
    default:
        // Reasons of a newer gateway are shown by their name.
        return stepReason(QString::fromLatin1(RouteTrace::reasonName(reason)));
    }
}

QString stepReason(QStringView name)
{
    for (const auto &[known, value] : kReasons) {
        if (name == QLatin1String(known)) {
            return stepReason(value);
        }
    }
    QString text = name.toString().replace(u'_', u' ');
    if (!text.isEmpty()) {
        text[0] = text[0].toUpper();
    }
    return text;
}

QString stepKind(RouteStep::Kind kind)
{
    switch (kind) {
    case RouteStep::Kind::Skipped:
        //: A backend that was passed over
        return RouteText::tr("Skipped");
    case RouteStep::Kind::Tried:
        //: A backend that was called
        return RouteText::tr("Tried");
    case RouteStep::Kind::Hedged:
        //: A backend that was called while an earlier one had not answered
        return RouteText::tr("Hedged");
    case RouteStep::Kind::Mirrored:
        //: A backend that got a copy
        return RouteText::tr("Mirrored");
    }
    return {};
}

QString strategy(RoutingStrategy strategy)
{
    switch (strategy) {
    case RoutingStrategy::Priority:
        //: Routing strategy
        return RouteText::tr("In order");
    case RoutingStrategy::Weighted:
        //: Routing strategy
        return RouteText::tr("By weight");
    case RoutingStrategy::LeastLatency:
        //: Routing strategy
        return RouteText::tr("Fastest");
    case RoutingStrategy::LeastBusy:
        //: Routing strategy
        return RouteText::tr("Least busy");
    case RoutingStrategy::Cheapest:
        //: Routing strategy
        return RouteText::tr("Cheapest");
    }
    return {};
}

QString strategyHint(RoutingStrategy strategy)
{
    switch (strategy) {
    case RoutingStrategy::Priority:
        return RouteText::tr("The first target that can take the request gets it.");
    case RoutingStrategy::Weighted:
        return RouteText::tr("At random, each by its weight.");
    case RoutingStrategy::LeastLatency:
        return RouteText::tr("The faster of two drawn by weight, by time to the first byte.");
    case RoutingStrategy::LeastBusy:
        return RouteText::tr("The one with the fewest requests under way for its weight.");
    case RoutingStrategy::Cheapest:
        return RouteText::tr("The one with the lowest known price; unknown prices come last.");
    }
    return {};
}

QString match(QStringView name)
{
    if (name == u"wish") {
        return RouteText::tr("The request names its backend.");
    }
    if (name == u"public") {
        return RouteText::tr("A public model name or one of its aliases.");
    }
    if (name == u"listed") {
        return RouteText::tr("Backends serve a model of this name.");
    }
    if (name == u"backend") {
        return RouteText::tr("The name begins with a backend.");
    }
    if (name == u"pattern") {
        return RouteText::tr("A pattern of a backend or an alias fits.");
    }
    if (name == u"prefix") {
        return RouteText::tr("The name begins like models of a well-known provider.");
    }
    if (name == u"default") {
        return RouteText::tr("Nothing lists it, so it goes to the default backend.");
    }
    if (name == u"any") {
        return RouteText::tr("Nothing lists it, so it goes to backends that list no models.");
    }
    return {};
}

} // namespace tidegate::routetext
