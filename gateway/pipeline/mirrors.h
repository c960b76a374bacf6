// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/ledger/ledgerrow.h"
#include "gateway/pipeline/lanerequest.h"
#include "gateway/pipeline/routes.h"

#include <QByteArray>

#include <functional>
#include <memory>
#include <vector>

namespace tidegate {

class MirrorCall;

/// Sends copies of requests to shadow lanes, for comparing models. Nobody gets the answers, and
/// nothing that happens to them concerns the client: they are not waited for, not tried again, not
/// stopped when it leaves. What they cost stands in ledger rows of their own, without a key.
///
/// Lives in one engine thread, owned by its Engine.
class Mirrors
{
public:
    /// On their way at the same time; others are left out.
    static constexpr size_t kMaxCalls = 64;
    /// Bodies that are on their way, together; others are left out.
    static constexpr qint64 kMaxBytes = 64 * 1024 * 1024;
    /// Follows the request's id in the id of the copy's ledger row.
    static constexpr char kIdSuffix[] = ".mirror";

    using Finished = std::function<void(LedgerRow &&)>;

    /// @p upstream must outlive this. @p finished gets the row of each copy that has ended.
    Mirrors(UpstreamClient &upstream, Finished finished);
    ~Mirrors();
    Mirrors(const Mirrors &) = delete;
    Mirrors &operator=(const Mirrors &) = delete;

    /// Sends a copy of @p request to @p lane or, where that cannot take it at once, does not; says
    /// which in @p trace. @p atUs: since the request's first byte. @p routes made @p lane.
    void start(const ProxiedRequest &request, const QByteArray &requestId, const PlannedLane &lane,
               RoutesPtr routes, RouteTrace &trace, qint64 atUs);
    /// Ends all at once.
    void cancelAll();
    /// Frees what has ended; not from within a call of the upstream client.
    void sweep();

private:
    friend class MirrorCall;
    void ended(MirrorCall *call);

    UpstreamClient &m_upstream;
    const Finished m_finished;
    std::vector<std::unique_ptr<MirrorCall>> m_calls;
    std::vector<std::unique_ptr<MirrorCall>> m_ended;
    qint64 m_bytes = 0;
};

} // namespace tidegate
