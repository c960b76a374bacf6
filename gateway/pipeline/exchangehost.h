// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace tidegate {

class Exchange;
class UpstreamClient;
struct Policies;

/// What an exchange needs of the engine that runs it. Called in the engine thread.
class ExchangeHost
{
public:
    virtual UpstreamClient &upstream() = 0;
    [[nodiscard]] virtual const Policies &policies() const = 0;
    /// Something that the live view shows has changed.
    virtual void exchangeChanged(Exchange &exchange) = 0;
    /// The exchange is settled. It is destroyed once the present call stack has ended.
    virtual void exchangeFinished(Exchange &exchange) = 0;

protected:
    ~ExchangeHost() = default;
};

} // namespace tidegate
