// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/upstream/upstreamcall.h"

#include "gateway/base/clock.h"
#include "gateway/upstream/curlmulti.h"

#include <QUrl>

#include <algorithm>
#include <limits>
#include <utility>

namespace tidegate {

namespace {

constexpr qint64 kNsPerMs = 1'000'000;
constexpr long kReceiveBytes = 16L * 1024; ///< libcurl's own largest piece; also what a pause holds
constexpr long kIdleSeconds = 90;          ///< below what usual front ends close at
constexpr long kNoConnectLimitMs = 24L * 3600 * 1000; ///< libcurl takes 0 for five minutes
constexpr qint64 kStaleNs = 150'000'000; ///< a round trip: an answer to bytes for a closed socket
constexpr size_t kRefuse = 0; ///< what a callback returns to make libcurl give the transfer up

bool startsWithName(const QByteArray &line, std::string_view lowerName)
{
    const auto size = qsizetype(lowerName.size());
    if (line.size() <= size || line[size] != ':') {
        return false;
    }
    return std::equal(lowerName.begin(), lowerName.end(), line.begin(), [](char a, char b) {
        return a == (b >= 'A' && b <= 'Z' ? char(b + ('a' - 'A')) : b);
    });
}

} // namespace

UpstreamCall::UpstreamCall(CurlMulti &multi, UpstreamCallHost &host)
    : m_multi(multi)
    , m_host(host)
    , m_easy(curl_easy_init())
{
    Q_CHECK_PTR(m_easy);
    setFixedOptions();
}

UpstreamCall::~UpstreamCall()
{
    curl_easy_cleanup(m_easy);
}

UpstreamCall *UpstreamCall::of(CURL *easy)
{
    UpstreamCall *call = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
    return call;
}

void UpstreamCall::setFixedOptions()
{
    const auto set = [this](CURLoption option, auto value) {
        curl_easy_setopt(m_easy, option, value);
    };
    set(CURLOPT_PRIVATE, this);
    set(CURLOPT_ERRORBUFFER, m_detail.data());
    set(CURLOPT_HEADERFUNCTION, onHeaderLine);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, onBodyPiece);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_PREREQFUNCTION, onRequestBegins);
    set(CURLOPT_PREREQDATA, this);
    set(CURLOPT_OPENSOCKETFUNCTION, onOpenSocket);
    set(CURLOPT_OPENSOCKETDATA, this);
    set(CURLOPT_CLOSESOCKETFUNCTION, CurlMulti::closeSocket);
    set(CURLOPT_CLOSESOCKETDATA, &m_multi);

    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_NOPROGRESS, 1L);
    set(CURLOPT_TCP_NODELAY, 1L);
    set(CURLOPT_TCP_KEEPALIVE, 1L); // a model may think for minutes without a word
    set(CURLOPT_TCP_KEEPIDLE, 30L);
    set(CURLOPT_TCP_KEEPINTVL, 15L);
    set(CURLOPT_BUFFERSIZE, kReceiveBytes);
    set(CURLOPT_MAXAGE_CONN, kIdleSeconds);
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_HTTP09_ALLOWED, 0L);
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_HEADEROPT, long(CURLHEADER_SEPARATE));
    set(CURLOPT_PROXY, ""); // keeps the environment's proxies out
    set(CURLOPT_NOPROXY, "");
#if LIBCURL_VERSION_NUM >= 0x075500
    set(CURLOPT_PROTOCOLS_STR, "http,https");
#else
    set(CURLOPT_PROTOCOLS, long(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    // Otherwise ending a call waits for its name look-up, and the engine thread with it.
    set(CURLOPT_QUICK_EXIT, 1L);
#endif
    set(CURLOPT_HTTP_VERSION, long(CURL_HTTP_VERSION_1_1));
}

void UpstreamCall::prepare(UpstreamRequest &&request, UpstreamListener &listener)
{
    m_request = std::move(request);
    m_listener = &listener;
    m_startNs = monotonicNs();
    m_detail[0] = '\0';
    setTransport();
    setMethod();
    setFields();
}

void UpstreamCall::clear()
{
    m_request = {};
    m_lines.clear();
    m_ownLines.clear();
    m_listener = nullptr;
    m_refusal.clear();
    m_reader.clear();
    m_begunNs = -1;
    m_firstByteNs = -1;
    m_lastByteNs = -1;
    m_opened.clear();
    m_reused = false;
    m_repeatRefused = false;
    m_anyByte = false;
    m_headComplete = false;
    m_headBroken = false;
    m_paused = false;
    m_heldByCurl = false;
    setCloseAfterwards(false);
}

void UpstreamCall::setCloseAfterwards(bool close)
{
    if (m_closeAfterwards != close) {
        m_closeAfterwards = close;
        curl_easy_setopt(m_easy, CURLOPT_FORBID_REUSE, close ? 1L : 0L);
    }
}

// ---- the request

void UpstreamCall::setTransport()
{
    if (m_proxy != m_request.proxy || m_caFile != m_request.caFile ||
        m_verifyTls != m_request.verifyTls) {
        // Rare, and the only way back to libcurl's own certificate paths.
        curl_easy_reset(m_easy);
        setFixedOptions();
        m_method = Method::None;
        m_url.clear();
        m_secure = false;
        m_connectMs = -1;
        m_closeAfterwards = false;
        m_localPort = 0;
        m_proxy = m_request.proxy;
        m_caFile = m_request.caFile;
        m_verifyTls = m_request.verifyTls;
        curl_easy_setopt(m_easy, CURLOPT_PROXY, m_proxy.constData());
        if (!m_caFile.isEmpty()) {
            curl_easy_setopt(m_easy, CURLOPT_CAINFO, m_caFile.constData());
            curl_easy_setopt(m_easy, CURLOPT_CAPATH, nullptr);
        }
        curl_easy_setopt(m_easy, CURLOPT_SSL_VERIFYPEER, m_verifyTls ? 1L : 0L);
        curl_easy_setopt(m_easy, CURLOPT_SSL_VERIFYHOST, m_verifyTls ? 2L : 0L);
    }
    if (m_localPort != m_request.localPort) {
        setTunnel();
    }
    curl_easy_setopt(m_easy, CURLOPT_FRESH_CONNECT, m_request.freshConnection ? 1L : 0L);
    if (m_url != m_request.url) {
        m_url = m_request.url;
        curl_easy_setopt(m_easy, CURLOPT_URL, m_url.constData());
        // Read once here, libcurl need not read it, and print it again, for each request. An
        // address that it does not understand it may itself complain about.
        const bool readable =
            curl_url_set(m_parsedUrl.get(), CURLUPART_URL, m_url.constData(), 0) == CURLUE_OK;
        curl_easy_setopt(m_easy, CURLOPT_CURLU, readable ? m_parsedUrl.get() : nullptr);
    }
    const bool secure = m_url.left(6).compare("https:", Qt::CaseInsensitive) == 0;
    if (m_secure != secure) {
        m_secure = secure;
        curl_easy_setopt(m_easy, CURLOPT_HTTP_VERSION,
                         long(secure ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    }
    if (m_connectMs != m_request.timeouts.connectMs) {
        m_connectMs = m_request.timeouts.connectMs;
        curl_easy_setopt(m_easy, CURLOPT_CONNECTTIMEOUT_MS,
                         m_connectMs > 0 ? long(m_connectMs) : kNoConnectLimitMs);
    }
}

void UpstreamCall::setTunnel()
{
    m_localPort = m_request.localPort;
    // libcurl keeps connections to different ends apart.
    m_connectTo = "::127.0.0.1:" + QByteArray::number(m_localPort);
    m_connectToLine = {m_connectTo.data(), nullptr};
    curl_easy_setopt(m_easy, CURLOPT_CONNECT_TO, m_localPort > 0 ? &m_connectToLine : nullptr);
}

void UpstreamCall::setMethod()
{
    const QByteArray &name = m_request.method;
    Method method = Method::Other;
    if (name == "POST") {
        method = Method::Post;
    } else if (name == "GET" && m_request.body.isEmpty()) {
        method = Method::Get;
    } else if (name == "HEAD") {
        method = Method::Head;
    }
    const bool sendsBody =
        method == Method::Post || (method == Method::Other && !m_request.body.isEmpty());
    if (method != m_method || method == Method::Other) {
        m_method = method;
        // In this order: POSTFIELDS turns the request into a POST, HTTPGET takes all of it back.
        curl_easy_setopt(m_easy, CURLOPT_POSTFIELDS, nullptr);
        curl_easy_setopt(m_easy, CURLOPT_HTTPGET, 1L);
        if (sendsBody) {
            curl_easy_setopt(m_easy, CURLOPT_POST, 1L);
        } else if (method == Method::Head) {
            curl_easy_setopt(m_easy, CURLOPT_NOBODY, 1L);
        }
        curl_easy_setopt(m_easy, CURLOPT_CUSTOMREQUEST,
                         method == Method::Other ? name.constData() : nullptr);
    }
    if (sendsBody) {
        // Given in place, so that libcurl sends a small body in one packet with the head.
        curl_easy_setopt(m_easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(m_request.body.size()));
        curl_easy_setopt(m_easy, CURLOPT_POSTFIELDS, m_request.body.constData());
    }
}

bool UpstreamCall::hasField(std::string_view lowerName) const
{
    return std::any_of(m_request.fields.begin(), m_request.fields.end(),
                       [lowerName](const auto &line) { return startsWithName(line, lowerName); });
}

void UpstreamCall::addField(const QByteArray &line)
{
    const qsizetype colon = line.indexOf(':');
    const bool smuggles = std::any_of(line.begin(), line.end(),
                                      [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
    if (colon <= 0 || smuggles) {
        return;
    }
    const bool empty = std::all_of(line.begin() + colon + 1, line.end(),
                                   [](char c) { return c == ' ' || c == '\t'; });
    if (empty) {
        // libcurl takes "Name:" for "leave it out" and "Name;" for an empty value.
        addLine(m_ownLines.emplace_back(line.left(colon) + ';').constData());
    } else {
        addLine(line.constData());
    }
}

void UpstreamCall::addLine(const char *line)
{
    // libcurl only reads the list, so its strings can be ours.
    m_lines.push_back({const_cast<char *>(line), nullptr});
}

void UpstreamCall::setFields()
{
    m_ownLines.reserve(m_request.fields.size()); // their addresses must stay
    for (const QByteArray &line : m_request.fields) {
        addField(line);
    }
    addField(m_request.authorization.reveal());
    // What libcurl would add by itself.
    if (!hasField("accept")) {
        addLine("Accept:");
    }
    if (!m_request.body.isEmpty()) {
        addLine("Expect:");
    }
    if (!hasField("content-type")) {
        addLine("Content-Type:");
    }
    for (size_t i = 0; i + 1 < m_lines.size(); ++i) {
        m_lines[i].next = &m_lines[i + 1];
    }
    curl_easy_setopt(m_easy, CURLOPT_HTTPHEADER, m_lines.data());
}

// ---- what libcurl calls

int UpstreamCall::onRequestBegins(void *self, char * /*remoteIp*/, char * /*localIp*/,
                                  int /*remotePort*/, int localPort)
{
    auto &call = *static_cast<UpstreamCall *>(self);
    if (call.m_begunNs >= 0) {
        // libcurl would repeat a request when a kept connection turns out to be dead. Whether that
        // is right, for a request that may have been read and charged, is not its to decide.
        call.m_repeatRefused = true;
        return CURL_PREREQFUNC_ABORT;
    }
    call.m_begunNs = call.m_multi.enteredNs();
    call.m_reused = call.m_opened.empty();
    // CURLINFO_ACTIVESOCKET is not known yet at this point; the port is.
    for (const curl_socket_t socket : call.m_opened) {
        call.m_multi.keepSocket(socket, localPort);
    }
    call.m_multi.holdBack(localPort);
    return CURL_PREREQFUNC_OK;
}

curl_socket_t UpstreamCall::onOpenSocket(void *self, curlsocktype /*purpose*/,
                                         curl_sockaddr *address)
{
    auto &call = *static_cast<UpstreamCall *>(self);
    if (call.m_begunNs >= 0) {
        call.m_repeatRefused = true; // as above, and spares the upstream an empty connection
        return CURL_SOCKET_BAD;
    }
    if (!call.addressAllowed(*address)) {
        return CURL_SOCKET_BAD;
    }
    return call.m_opened.emplace_back(call.m_multi.openSocket(*address));
}

bool UpstreamCall::addressAllowed(const curl_sockaddr &address)
{
    const UpstreamClient::AddressCheck &check = m_host.addressCheck();
    if (!check || !m_request.proxy.isEmpty() || m_request.localPort > 0) {
        return true;
    }
    const Result<Done> verdict = check(QUrl::fromEncoded(m_request.url).host(),
                                       QHostAddress(&address.addr), m_request.allowPrivateNetwork);
    if (!verdict) {
        m_refusal = verdict.error();
    }
    return bool(verdict);
}

size_t UpstreamCall::onHeaderLine(char *data, size_t one, size_t size, void *self)
{
    return static_cast<UpstreamCall *>(self)->headerLine({data, one * size});
}

size_t UpstreamCall::onBodyPiece(char *data, size_t one, size_t size, void *self)
{
    return static_cast<UpstreamCall *>(self)->bodyPiece({data, one * size});
}

size_t UpstreamCall::headerLine(std::string_view line)
{
    if (!m_listener) {
        return kRefuse;
    }
    m_anyByte = true;
    m_lastByteNs = m_multi.enteredNs();
    if (m_headComplete) {
        return line.size(); // a trailer
    }
    const HeadReader::Line kind = m_reader.add(line);
    if (kind == HeadReader::Line::Broken) {
        m_headBroken = true;
        return kRefuse;
    }
    if (m_firstByteNs < 0 && m_reader.finalStatusSeen()) {
        m_firstByteNs = m_lastByteNs;
        m_host.deadlineChanged(*this);
    }
    if (kind == HeadReader::Line::Final) {
        m_headComplete = true;
        deliverHead();
    }
    return m_listener ? line.size() : kRefuse;
}

size_t UpstreamCall::bodyPiece(std::string_view piece)
{
    if (!m_listener) {
        return kRefuse;
    }
    if (m_paused) {
        m_heldByCurl = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    m_lastByteNs = m_multi.enteredNs();
    m_host.delivered();
    const bool more = m_listener->upstreamBody(piece);
    if (!m_listener) {
        return kRefuse;
    }
    // The piece is taken. Only when libcurl has the next one does the transfer stop, so that what
    // it holds is never more than one buffer.
    m_paused = !more;
    return piece.size();
}

void UpstreamCall::deliverHead()
{
    m_host.delivered();
    m_listener->upstreamHead(m_reader.head());
}

bool UpstreamCall::resume()
{
    if (!m_paused) {
        return false;
    }
    m_paused = false;
    m_lastByteNs = monotonicNs();
    m_host.deadlineChanged(*this);
    return m_heldByCurl;
}

bool UpstreamCall::takeHeldPiece()
{
    return m_listener && !m_paused && std::exchange(m_heldByCurl, false);
}

// ---- time and end

qint64 UpstreamCall::nextDeadlineNs() const
{
    const UpstreamTimeouts &limits = m_request.timeouts;
    qint64 due = std::numeric_limits<qint64>::max();
    if (m_firstByteNs < 0 && limits.firstByteMs > 0) {
        due = m_startNs + limits.firstByteMs * kNsPerMs;
    }
    if (m_firstByteNs >= 0 && !m_paused && limits.idleMs > 0) {
        due = m_lastByteNs + limits.idleMs * kNsPerMs;
    }
    if (limits.totalMs > 0) {
        due = std::min(due, m_startNs + limits.totalMs * kNsPerMs);
    }
    return due == std::numeric_limits<qint64>::max() ? -1 : due;
}

UpstreamFailure UpstreamCall::nextTimeout() const
{
    const UpstreamTimeouts &limits = m_request.timeouts;
    if (limits.totalMs > 0 && nextDeadlineNs() == m_startNs + limits.totalMs * kNsPerMs) {
        return UpstreamFailure::TotalTimeout;
    }
    return m_firstByteNs < 0 ? UpstreamFailure::FirstByteTimeout : UpstreamFailure::IdleTimeout;
}

CallEnd UpstreamCall::end(CURLcode code) const
{
    CallEnd end;
    end.code = code;
    end.detail = m_detail.data();
    curl_easy_getinfo(m_easy, CURLINFO_OS_ERRNO, &end.systemError);
    end.refusal = m_refusal;
    end.requestBegun = m_begunNs >= 0;
    end.repeatRefused = m_repeatRefused;
    end.anyByte = m_anyByte;
    end.headComplete = m_headComplete;
    end.headBroken = m_headBroken;
    return end;
}

UpstreamResult UpstreamCall::ended(CURLcode code) const
{
    UpstreamResult result;
    result.timings = timings();
    if (code == CURLE_OK && m_headComplete) {
        return result;
    }
    const CallEnd how = end(code);
    result.failure = classifyEnd(how);
    result.message = describeFailure(result.failure, how, m_request);
    result.staleConnection = result.failure == UpstreamFailure::ResetBeforeHead && m_reused &&
                             !m_anyByte && monotonicNs() - m_begunNs <= kStaleNs;
    return result;
}

UpstreamResult UpstreamCall::failed(UpstreamFailure failure) const
{
    UpstreamResult result;
    result.timings = timings();
    result.failure = failure;
    result.message = describeFailure(failure, end(CURLE_OK), m_request);
    return result;
}

UpstreamTimings UpstreamCall::timings() const
{
    const auto taken = [this](CURLINFO info) {
        curl_off_t us = 0;
        curl_easy_getinfo(m_easy, info, &us);
        return us > 0 ? qint64(us) : qint64(-1);
    };
    UpstreamTimings timings;
    timings.reusedConnection = m_reused;
    timings.totalUs = (monotonicNs() - m_startNs) / 1000;
    if (stage == Stage::Queued) {
        return timings;
    }
    if (m_reused) {
        timings.resolvedUs = 0;
        timings.connectedUs = 0;
    } else {
        timings.resolvedUs = taken(CURLINFO_NAMELOOKUP_TIME_T);
        timings.connectedUs = taken(CURLINFO_CONNECT_TIME_T);
        timings.tlsUs = taken(CURLINFO_APPCONNECT_TIME_T);
    }
    if (m_begunNs >= 0) {
        timings.sentUs = taken(CURLINFO_PRETRANSFER_TIME_T);
    }
    if (m_anyByte) {
        timings.firstByteUs = taken(CURLINFO_STARTTRANSFER_TIME_T);
    }
    return timings;
}

} // namespace tidegate
