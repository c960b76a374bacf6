// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"
#include "gateway/base/secret.h"

#include <QByteArray>
#include <QHostAddress>
#include <QString>

#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace tidegate {

/// Time limits of one upstream call, milliseconds; 0 means none.
struct UpstreamTimeouts
{
    int connectMs = 10'000;    ///< name look-up, TCP and TLS
    int firstByteMs = 120'000; ///< from the start of the call to the first status line but 1xx
    int idleMs = 300'000;      ///< between two pieces of the answer, not counting pauses
    int totalMs = 0;           ///< the whole call

    bool operator==(const UpstreamTimeouts &) const = default;
};

/// One request to a backend. Moved into UpstreamClient::start().
struct UpstreamRequest
{
    QByteArray method = "POST";
    QByteArray url; ///< absolute, http or https
    /// "Name: value"; no Host, Content-Length or Expect. Read in place, so none of them may be made
    /// by QByteArray::fromRawData(). One with a line break in it is left out.
    std::vector<QByteArray> fields;
    Secret authorization; ///< whole field, e.g. "Authorization: Bearer …"; may be empty
    QByteArray body;
    UpstreamTimeouts timeouts;
    QByteArray proxy;  ///< empty: none; environment proxies are never used
    QByteArray caFile; ///< empty: the system's certificates
    bool verifyTls = true;
    bool freshConnection = false; ///< never one that was used before: it may be dead as well
    /// Handed to the check of setAddressCheck().
    bool allowPrivateNetwork = false;
    /// The end of a tunnel to the URL's host: 127.0.0.1 and this port are connected to instead,
    /// while Host and the name that TLS checks stay those of the URL. 0: there is none.
    quint16 localPort = 0;
};

/// Why a call did not end well.
enum class UpstreamFailure : quint8
{
    None,
    Resolve, ///< the host name is unknown
    Connect, ///< refused or unreachable
    ConnectTimeout,
    Tls, ///< handshake or certificate
    FirstByteTimeout,
    IdleTimeout,
    TotalTimeout,
    ResetBeforeHead, ///< closed or reset before the final head was complete
    ResetMidBody,    ///< closed or reset, or fewer bytes than promised, after the head
    Protocol,        ///< not HTTP, or framing that cannot be read
    Cancelled,
};

/// Where the time went, microseconds from the start of the call; -1 where it never got there.
struct UpstreamTimings
{
    qint64 resolvedUs = -1; ///< 0 on a reused connection, as the next
    qint64 connectedUs = -1;
    qint64 tlsUs = -1;  ///< -1 without TLS or on a reused connection
    qint64 sentUs = -1; ///< the connection was ready and the request went out
    qint64 firstByteUs = -1;
    qint64 totalUs = -1;
    bool reusedConnection = false;
};

/// How a call ended.
struct UpstreamResult
{
    UpstreamFailure failure = UpstreamFailure::None;
    QString message; ///< for people, without secrets; empty on success
    UpstreamTimings timings;
    /// The call died on a reused connection before any byte of the answer, right after it was sent:
    /// most likely the upstream had closed it meanwhile. The caller may try once more.
    bool staleConnection = false;
};

/// Status and fields of an upstream's final (not 1xx) answer.
struct UpstreamHead
{
    int status = 0;
    /// In order, names lower-cased; both views are valid only during upstreamHead().
    std::vector<std::pair<std::string_view, std::string_view>> fields;
    qint64 contentLength = -1; ///< -1 when not given
};

/// Hears of one call. Called in the engine thread, never from within start(), resume() or cancel().
class UpstreamListener
{
public:
    virtual void upstreamHead(const UpstreamHead &head) = 0;
    /// A piece of the body. False pauses the transfer until resume(); the piece counts as taken.
    virtual bool upstreamBody(std::string_view piece) = 0;
    /// The last call to the listener. May start another call.
    virtual void upstreamFinished(const UpstreamResult &result) = 0;

protected:
    ~UpstreamListener() = default;
};

class UpstreamCall;

/// libcurl's multi interface on the event loop of one engine thread.
///
/// Lives in one engine thread; owned by its Engine. Keeps connections alive, speaks HTTP/2 over TLS
/// where offered, never follows redirects, never sends a request twice by itself. Must not be
/// destroyed from within a listener's call.
class UpstreamClient
{
public:
    UpstreamClient();
    ~UpstreamClient();
    UpstreamClient(const UpstreamClient &) = delete;
    UpstreamClient &operator=(const UpstreamClient &) = delete;

    /// Must be called once in main() before any thread is started (curl_global_init(3)). Also makes
    /// the process ignore SIGPIPE.
    static void initialiseLibrary();

    /// Starts a call. The listener must stay until upstreamFinished() or cancel().
    UpstreamCall *start(UpstreamRequest &&request, UpstreamListener &listener);
    /// Goes on after upstreamBody() returned false. Delivery happens later, from the event loop.
    void resume(UpstreamCall *call);
    /// Ends a call at once: the connection is closed (HTTP/2: the stream is reset), the listener
    /// hears nothing more. Safe from within a listener's call. Returns the timings so far.
    UpstreamTimings cancel(UpstreamCall *call);
    /// Judges each address before a connection to it is made, so that a name cannot come to mean
    /// another place between being configured and being used. Gets the URL's host, the address and
    /// the request's allowPrivateNetwork; an error is the call's message. Not asked about a proxy
    /// or a tunnel's end.
    using AddressCheck = std::function<Result<Done>(const QString &, const QHostAddress &, bool)>;
    void setAddressCheck(AddressCheck check);
    /// Called after each turn in which listeners may have been called, for work that is better done
    /// once per turn (flushing heads).
    void setTurnEnded(std::function<void()> callback);

    [[nodiscard]] int activeCalls() const;

private:
    class Private;
    std::unique_ptr<Private> d;
};

} // namespace tidegate
