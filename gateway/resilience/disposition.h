// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/upstream/upstreamclient.h"

#include <array>
#include <string_view>

namespace tidegate {

/// What one attempt at a backend came to, as far as routing is concerned.
enum class Disposition : quint8
{
    Success,
    Transient,       ///< the backend's trouble of the moment: another try may do better
    RateLimited,     ///< the backend has no room for this key now and says so
    CredentialsDead, ///< the key is refused, or its account cannot pay
    ContextTooLong,  ///< too large for this model or its limits; a larger one may take it
    ClientFault,     ///< the request is at fault: the answer goes to the client as it is
    Cancelled,       ///< nobody waits for it any more: the client left, or another lane won
};
constexpr size_t kDispositions = 7;

/// Why, from a closed set, so that metrics may use it as a label.
enum class Fault : quint8
{
    None,
    Unreachable, ///< name look-up, connection or TLS
    Timeout,     ///< of any kind, ours or the backend's (408, 504)
    Reset,       ///< closed before the head was complete
    Cut,         ///< the head came, the end of the answer did not
    Malformed,   ///< not HTTP, not JSON, or a stream that makes no sense
    ServerError, ///< any other 5xx
    Overloaded,  ///< 503, 529, or an error that says so
    ErrorInside, ///< an error in an answer with a good status, of no kind named here
    RateLimit,   ///< 429
    Key,         ///< 401, or a 403 about the key
    Billing,     ///< 402, or any status that speaks of credit
    Context,     ///< the prompt is too long
    Request,     ///< any other 4xx
};

/// How an attempt ended. The views must stay valid for the call only.
struct AttemptEnd
{
    /// What the body was found to be by whoever relays it.
    enum class Body : quint8
    {
        Good,
        Error,     ///< an error event before any content, or an error instead of an answer
        Malformed, ///< cannot be read as what it says it is
        Cut,       ///< ended well as HTTP, but before the answer was complete
    };

    UpstreamFailure failure = UpstreamFailure::None;
    int status = 0;           ///< 0 when no head came
    Body body = Body::Good;   ///< of an answer with a status below 400
    std::string_view error{}; ///< a 4xx or 5xx answer's body, or the payload of the error event
};

struct Verdict
{
    Disposition disposition = Disposition::Success;
    Fault fault = Fault::None;
    /// The answer's status; for an error inside a 200 the one that it stands for. 0 without an
    /// answer.
    int status = 0;
};

/// What follows from a disposition. The table is dispositionRules().
struct DispositionRule
{
    Disposition disposition;
    bool countsAgainstLane; ///< CircuitBreaker: a failure
    bool countsForLane;     ///< CircuitBreaker: a success
    bool takesKeyOut;       ///< Credentials: the key is dead or cools down
    bool retrySameLane;     ///< after a back-off, within the RetryBudget
    bool retryOtherKey;     ///< at once, where the lane has another one that is ready
    bool nextLane;          ///< before the first byte to the client
};

/// Reads how an attempt ended. Pure; any thread.
///
/// Backends are told apart by what they write rather than by their configured type, because most of
/// them stand behind another's API: vLLM, llama.cpp, TGI and gateways behind `type: openai`.
/// Looks at the first 64 KiB of the error only.
[[nodiscard]] Verdict classify(const AttemptEnd &end);

[[nodiscard]] const DispositionRule &ruleFor(Disposition disposition);
/// One for each disposition, in their order. docs/resilience.md shows the same table.
[[nodiscard]] const std::array<DispositionRule, kDispositions> &dispositionRules();

/// "transient", "rate_limited", … for logs, metrics and the route trace.
[[nodiscard]] std::string_view dispositionName(Disposition disposition);
/// "timeout", "server_error", …
[[nodiscard]] std::string_view faultName(Fault fault);

} // namespace tidegate
