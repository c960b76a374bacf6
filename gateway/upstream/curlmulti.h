// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/upstream/curlsocket.h"

#include "gateway/base/turnend.h"

#include <QtGlobal>

#include <curl/curl.h>

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace tidegate {

/// Hears of libcurl's work. Called in the engine thread.
class CurlMultiUser
{
public:
    /// libcurl has dealt with an event of a socket. Never called from within libcurl.
    virtual void curlWorked() = 0;

protected:
    ~CurlMultiUser() = default;
};

/// One libcurl multi handle with its sockets on the event loop.
///
/// Lives in the engine thread; owned by its UpstreamClient. It has no timer of its own: its user
/// arms one for dueNs() and calls drive() then.
class CurlMulti
{
public:
    /// A transfer that came to its end.
    struct Finished
    {
        CURL *easy;
        CURLcode code;
    };

    explicit CurlMulti(CurlMultiUser &user);
    /// Every transfer must have been removed before.
    ~CurlMulti();
    CurlMulti(const CurlMulti &) = delete;
    CurlMulti &operator=(const CurlMulti &) = delete;

    /// True within libcurl's callbacks. Transfers must not be added or removed then.
    [[nodiscard]] bool inside() const { return m_inside; }

    /// False when libcurl refuses, for want of memory.
    [[nodiscard]] bool add(CURL *easy);
    void remove(CURL *easy);
    /// Lets libcurl do what is due: new transfers, time-outs.
    void drive();
    /// Lets a paused transfer go on; may call its write function.
    void unpause(CURL *easy);
    /// The next transfer that came to its end; it is still to be removed.
    [[nodiscard]] std::optional<Finished> nextFinished();
    /// When drive() is to be called, in monotonic nanoseconds; -1 for not at all.
    [[nodiscard]] qint64 dueNs() const { return m_dueNs; }

    /// When libcurl was entered last, monotonic: the present for its callbacks, without a look at
    /// the clock for each of them.
    [[nodiscard]] qint64 enteredNs() const { return m_enteredNs; }

    /// An event on one of the sockets.
    void socketReady(curl_socket_t socket, bool readable, bool writable);
    /// For CURLOPT_OPENSOCKETFUNCTION.
    curl_socket_t openSocket(const curl_sockaddr &address);
    /// The connection from @p localPort is established; nothing happens if that is not @p socket's.
    /// Only from now on does libcurl tell of its closing: one that it gives up while connecting it
    /// just closes, and the number may be another's by now.
    void keepSocket(curl_socket_t socket, int localPort);
    /// A request is about to be sent from @p localPort. All but the first of a turn of the event
    /// loop are held back to its end, so that they leave together and an upstream on this machine
    /// wakes up once and not for each of them.
    void holdBack(int localPort);
    /// For CURLOPT_CLOSESOCKETFUNCTION, with the CurlMulti as its data.
    static int closeSocket(void *self, curl_socket_t socket);

private:
    CurlSocket &socketFor(curl_socket_t socket);
    static int onSocket(CURL *easy, curl_socket_t socket, int what, void *self, void *unused);
    static int onTimer(CURLM *multi, long milliseconds, void *self);

    void act(curl_socket_t socket, int events);
    void release();

    CurlMultiUser &m_user;
    CURLM *m_multi = nullptr;
    std::unordered_map<curl_socket_t, std::unique_ptr<CurlSocket>> m_sockets;
    std::unordered_map<int, curl_socket_t> m_byPort; ///< kept ones
    std::vector<curl_socket_t> m_corked;
    TurnEnd m_release{TurnEnd::Stage::Uploads, [this] { release(); }};
    bool m_sentInTurn = false;
    qint64 m_dueNs = -1;
    qint64 m_enteredNs = 0;
    bool m_inside = false;
};

} // namespace tidegate
