// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QJsonArray>
#include <QList>

#include <string_view>

namespace tidegate {

/// What was done with one lane of a request, and why.
struct RouteStep
{
    enum class Kind : quint8
    {
        Skipped,  ///< passed over without a call
        Tried,    ///< called
        Hedged,   ///< called while an earlier lane had not answered yet
        Mirrored, ///< sent a copy whose answer nobody gets
    };
    /// Why it was passed over, or how the call ended.
    enum class Reason : quint8
    {
        None, ///< the call is under way
        // passed over
        NotAllowed,       ///< the client's key may not use this model
        Draining,         ///< taken out of service by hand
        KeyMissing,       ///< the backend's key is not at hand
        Unhealthy,        ///< its health checks fail: passed over while another lane is there
        Loading,          ///< the same, because it is loading its model
        KeysRefused,      ///< the backend refused all its keys lately
        ToolsUnsupported, ///< the request has tools and the model takes none
        BreakerOpen,
        ProbeRunning, ///< the breaker is half open and its one probe is out
        CoolingDown,  ///< the backend asked for a pause
        QueueFull,
        QueueTimeout,
        RetriesSpent, ///< too many of the recent calls were retries already
        OverBudget,   ///< the budget has no room for what one more call may cost
        Asleep,       ///< stopped by Tidegate, and could be started
        Starting,     ///< Tidegate is starting it, or connecting the tunnel to it
        NotStarted,   ///< could not be started or tunnelled to, or its command is not confirmed
        // called
        Success,
        Transient, ///< 5xx, network, time-out, an error inside a stream
        RateLimited,
        CredentialsDead, ///< the backend refused its key
        ContextTooLong,
        ClientFault, ///< another 4xx: relayed
        Cancelled,   ///< the client left, or another lane answered first
        BrokeOff,    ///< failed after the client had got the first byte
    };

    QByteArray backend;
    QByteArray model; ///< as the backend calls it
    Kind kind = Kind::Skipped;
    Reason reason = Reason::None;
    quint16 status = 0;      ///< the backend's; 0: none came
    qint64 atUs = 0;         ///< since the first byte of the request
    qint64 durationUs = -1;  ///< of the call or of the wait in the queue; -1: not ended, or none
    qint64 availableMs = -1; ///< of a lane that is out: how long it still is; -1: not known
    std::string_view fault;  ///< of a call that failed: faultName(), or another static text
};

/// What was considered for one request, in what order and with what result.
///
/// Value type, any thread. Bounded: after kMaxSteps steps only their number is kept.
class RouteTrace
{
public:
    static constexpr int kMaxSteps = 16;

    void skipped(const QByteArray &backend, const QByteArray &model, RouteStep::Reason reason,
                 qint64 atUs, qint64 availableMs = -1);
    /// Adds a call. Returns its index for ended(), -1 when the trace is full.
    int started(const QByteArray &backend, const QByteArray &model, RouteStep::Kind kind,
                qint64 atUs);
    /// @p index from started(); -1 is ignored, as is a call that has ended.
    void ended(int index, RouteStep::Reason reason, int status, qint64 atUs,
               std::string_view fault = {});

    /// True when more than the one lane that answered was involved: worth a place in the ledger.
    [[nodiscard]] bool isEventful() const;
    [[nodiscard]] bool isEmpty() const { return m_steps.isEmpty(); }
    [[nodiscard]] auto begin() const { return m_steps.cbegin(); }
    [[nodiscard]] auto end() const { return m_steps.cend(); }
    [[nodiscard]] int size() const { return int(m_steps.size()); }

    /// In order, one object per step; see docs/routing.md.
    [[nodiscard]] QJsonArray toJson() const;
    /// The same for LedgerRow::trace; empty unless eventful.
    [[nodiscard]] QByteArray ledgerJson() const;

    /// "skipped", "tried", "hedged" or "mirrored".
    [[nodiscard]] static const char *kindName(RouteStep::Kind kind);
    /// "breaker_open", …; empty for None.
    [[nodiscard]] static const char *reasonName(RouteStep::Reason reason);

private:
    QList<RouteStep> m_steps; ///< shared by copies: live events hold one each
    int m_leftOut = 0;
};

} // namespace tidegate
