// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/upstream/callfailure.h"
#include "gateway/upstream/deadlinequeue.h"
#include "gateway/upstream/headreader.h"
#include "gateway/upstream/upstreamclient.h"

#include <curl/curl.h>

#include <array>
#include <memory>
#include <string_view>
#include <vector>

namespace tidegate {

class CurlMulti;

/// What an UpstreamCall tells its client from within libcurl.
class UpstreamCallHost
{
public:
    /// The listener has been called.
    virtual void delivered() = 0;
    /// nextDeadlineNs() may have become earlier.
    virtual void deadlineChanged(UpstreamCall &call) = 0;
    [[nodiscard]] virtual const UpstreamClient::AddressCheck &addressCheck() const = 0;

protected:
    ~UpstreamCallHost() = default;
};

/// One libcurl easy handle, used again for many calls one after the other, and what the running one
/// has come to.
///
/// Lives in the engine thread; owned by its UpstreamClient. Most options are the same for every
/// call and set once, others only when they differ from the call before.
class UpstreamCall final : public Deadline
{
public:
    /// Where a call is in the hands of its client.
    enum class Stage
    {
        Free,      ///< in the pool
        Queued,    ///< started, not yet libcurl's
        Running,   ///< libcurl's
        Ended,     ///< not libcurl's any more; upstreamFinished() is due or being called
        Cancelled, ///< still libcurl's, to be taken away as soon as that is allowed
    };

    UpstreamCall(CurlMulti &multi, UpstreamCallHost &host);
    ~UpstreamCall();
    UpstreamCall(const UpstreamCall &) = delete;
    UpstreamCall &operator=(const UpstreamCall &) = delete;

    /// Makes the handle ready for @p request.
    void prepare(UpstreamRequest &&request, UpstreamListener &listener);
    /// Forgets the request and all that was received.
    void clear();

    [[nodiscard]] CURL *easy() const { return m_easy; }
    static UpstreamCall *of(CURL *easy);

    /// The listener hears nothing more.
    void dropListener() { m_listener = nullptr; }
    /// Makes libcurl close the connection when the call is taken away from it. With HTTP/2 it would
    /// keep it, and the rest of the answer would go on to arrive.
    void closeAfterwards() { setCloseAfterwards(true); }
    [[nodiscard]] UpstreamListener *listener() const { return m_listener; }

    /// The reader can take more again. True when libcurl has a piece for it, and is to be unpaused.
    bool resume();
    /// True, once, when the piece can be delivered.
    bool takeHeldPiece();

    /// The monotonic time at which the call is to fail if nothing happens until then; -1 for never.
    [[nodiscard]] qint64 nextDeadlineNs() const;
    /// The time-out that nextDeadlineNs() stands for.
    [[nodiscard]] UpstreamFailure nextTimeout() const;

    /// The result when libcurl ended the call by @p code.
    [[nodiscard]] UpstreamResult ended(CURLcode code) const;
    /// The result when we end it.
    [[nodiscard]] UpstreamResult failed(UpstreamFailure failure) const;
    [[nodiscard]] UpstreamTimings timings() const;

    Stage stage = Stage::Free; ///< the client's business

private:
    enum class Method
    {
        None,
        Get,
        Head,
        Post,
        Other
    };

    void setFixedOptions();
    void setCloseAfterwards(bool close);
    void setMethod();
    void setFields();
    void setTransport();
    void setTunnel();
    [[nodiscard]] bool hasField(std::string_view lowerName) const;
    void addField(const QByteArray &line);
    void addLine(const char *line);
    [[nodiscard]] CallEnd end(CURLcode code) const;

    static size_t onHeaderLine(char *data, size_t one, size_t size, void *self);
    static size_t onBodyPiece(char *data, size_t one, size_t size, void *self);
    static int onRequestBegins(void *self, char *remoteIp, char *localIp, int remotePort,
                               int localPort);
    static curl_socket_t onOpenSocket(void *self, curlsocktype purpose, curl_sockaddr *address);
    size_t headerLine(std::string_view line);
    size_t bodyPiece(std::string_view piece);
    void deliverHead();
    bool addressAllowed(const curl_sockaddr &address);

    CurlMulti &m_multi;
    UpstreamCallHost &m_host;
    CURL *m_easy;
    struct FreeUrl
    {
        void operator()(CURLU *url) const { curl_url_cleanup(url); }
    };
    const std::unique_ptr<CURLU, FreeUrl> m_parsedUrl{curl_url()}; ///< of m_url
    std::array<char, CURL_ERROR_SIZE> m_detail{};

    // What the handle is set to.
    Method m_method = Method::None;
    QByteArray m_url;
    QByteArray m_proxy;
    QByteArray m_caFile;
    bool m_verifyTls = true;
    bool m_secure = false;
    int m_connectMs = -1;
    bool m_closeAfterwards = false;
    quint16 m_localPort = 0;
    QByteArray m_connectTo; ///< libcurl reads it in place
    curl_slist m_connectToLine{};

    // The request; libcurl reads it in place.
    UpstreamRequest m_request;
    std::vector<curl_slist> m_lines;
    std::vector<QByteArray> m_ownLines;
    UpstreamListener *m_listener = nullptr;
    QString m_refusal; ///< why an address must not be connected to

    // How far it has come.
    HeadReader m_reader;
    qint64 m_startNs = 0;
    qint64 m_begunNs = -1;
    qint64 m_firstByteNs = -1;
    qint64 m_lastByteNs = -1;
    std::vector<curl_socket_t> m_opened; ///< sockets made for this call; some may be closed again
    bool m_reused = false;
    bool m_repeatRefused = false;
    bool m_anyByte = false;
    bool m_headComplete = false;
    bool m_headBroken = false;
    bool m_paused = false;     ///< the listener said stop
    bool m_heldByCurl = false; ///< libcurl keeps a piece until it is unpaused
};

} // namespace tidegate
