// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/pipeline/laneplan.h"
#include "gateway/resilience/backoff.h"
#include "gateway/resilience/retrybudget.h"

class QObject;

namespace tidegate {

class Exchange;
class Mirrors;
class UpstreamClient;
struct Policies;

/// What decides about retries in one engine thread, besides each lane's own state.
struct Retrying
{
    LaneDice dice;
    Backoff backoff;
    RetryBudget &overall; ///< shared by all engine threads
};

/// What an exchange needs of the engine that runs it. Called in the engine thread.
class ExchangeHost
{
public:
    virtual UpstreamClient &upstream() = 0;
    [[nodiscard]] virtual const Policies &policies() const = 0;
    virtual Retrying &retrying() = 0;
    virtual Mirrors &mirrors() = 0;
    /// An object of the engine thread that outlives the exchange.
    virtual QObject *context() = 0;
    /// Something that the live view shows has changed.
    virtual void exchangeChanged(Exchange &exchange) = 0;
    /// The exchange is settled. It is destroyed once the present call stack has ended.
    virtual void exchangeFinished(Exchange &exchange) = 0;

protected:
    ~ExchangeHost() = default;
};

} // namespace tidegate
