// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/upstream/callfailure.h"

#include <QCoreApplication>
#include <QUrl>

#include <cerrno>
#include <string_view>

namespace tidegate {

namespace {

bool contains(const char *text, std::string_view part)
{
    return std::string_view(text).find(part) != std::string_view::npos;
}

QString hostAndPort(const QByteArray &address)
{
    const QUrl url = QUrl::fromEncoded(address);
    QString host = url.host();
    if (host.isEmpty()) {
        return QStringLiteral("the server");
    }
    if (host.contains(u':')) {
        host = u'[' % host % u']';
    }
    const int usual = url.scheme() == u"https" ? 443 : 80;
    return host % u':' % QString::number(url.port(usual));
}

QString seconds(int milliseconds)
{
    return QString::number(milliseconds / 1000.0) % u" s";
}

QString unreachable(const QString &place, long systemError)
{
    switch (systemError) {
    case ECONNREFUSED:
        return place % u" refused the connection";
    case EHOSTUNREACH:
        return place % u" cannot be reached: no route to the host";
    case ENETUNREACH:
        return place % u" cannot be reached: the network is unreachable";
    default:
        return place % u" cannot be reached";
    }
}

QString tlsFailure(const QString &place, const CallEnd &end)
{
    if (end.code == CURLE_SSL_CACERT_BADFILE) {
        return u"the CA file for " % place % u" cannot be read";
    }
    // libcurl's words here name the host and the certificate's fault, nothing that came from a
    // user.
    const QString detail = QString::fromUtf8(end.detail);
    if (end.code == CURLE_PEER_FAILED_VERIFICATION) {
        return u"the certificate of " % place % u" is not trusted: " % detail;
    }
    return u"the TLS handshake with " % place % u" failed: " % detail;
}

} // namespace

UpstreamFailure classifyEnd(const CallEnd &end)
{
    if (end.repeatRefused) {
        return UpstreamFailure::ResetBeforeHead;
    }
    if (end.headBroken) {
        return UpstreamFailure::Protocol;
    }
    switch (end.code) {
    case CURLE_OK:
        // libcurl is content with a head that was cut short.
        return end.headComplete ? UpstreamFailure::None : UpstreamFailure::ResetBeforeHead;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return UpstreamFailure::Resolve;
    case CURLE_OPERATION_TIMEDOUT:
        return UpstreamFailure::ConnectTimeout;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return UpstreamFailure::Tls;
    case CURLE_RECV_ERROR:
        if (contains(end.detail, "chunk")) {
            return UpstreamFailure::Protocol; // libcurl has no code of its own for bad chunks
        }
        [[fallthrough]];
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2_STREAM:
        if (!end.requestBegun) {
            return UpstreamFailure::Connect;
        }
        return end.headComplete ? UpstreamFailure::ResetMidBody : UpstreamFailure::ResetBeforeHead;
    default:
        return end.requestBegun ? UpstreamFailure::Protocol : UpstreamFailure::Connect;
    }
}

QString describeFailure(UpstreamFailure failure, const CallEnd &end, const UpstreamRequest &request)
{
    const QString host = hostAndPort(request.url);
    const QString place =
        request.proxy.isEmpty() || end.requestBegun
            ? host
            : QString(host % u" (through the proxy " % hostAndPort(request.proxy) % u')');
    const UpstreamTimeouts &limits = request.timeouts;
    switch (failure) {
    case UpstreamFailure::None:
        return {};
    case UpstreamFailure::Resolve:
        if (end.code == CURLE_COULDNT_RESOLVE_PROXY) {
            return u"the host name of the proxy " % hostAndPort(request.proxy) % u" is unknown";
        }
        return u"the host name " % QUrl::fromEncoded(request.url).host() % u" is unknown";
    case UpstreamFailure::Connect:
        if (!end.refusal.isEmpty()) {
            return end.refusal;
        }
        if (end.code == CURLE_URL_MALFORMAT || end.code == CURLE_UNSUPPORTED_PROTOCOL) {
            return QStringLiteral("the address is not a valid http or https URL");
        }
        if (end.code == CURLE_OUT_OF_MEMORY || end.code == CURLE_FAILED_INIT) {
            return QStringLiteral("the call could not be started");
        }
        return unreachable(place, end.systemError);
    case UpstreamFailure::ConnectTimeout:
        return place % u" did not accept a connection within " % seconds(limits.connectMs);
    case UpstreamFailure::Tls:
        return tlsFailure(place, end);
    case UpstreamFailure::FirstByteTimeout:
        return host % u" did not begin to answer within " % seconds(limits.firstByteMs);
    case UpstreamFailure::IdleTimeout:
        return host % u" stopped sending its answer for " % seconds(limits.idleMs);
    case UpstreamFailure::TotalTimeout:
        return host % u" did not finish its answer within " % seconds(limits.totalMs);
    case UpstreamFailure::ResetBeforeHead:
        if (end.anyByte) {
            return host % u" closed the connection in the middle of the answer's head";
        }
        return host % u" closed the connection without an answer";
    case UpstreamFailure::ResetMidBody:
        return host % u" closed the connection in the middle of its answer";
    case UpstreamFailure::Protocol:
        return host % u" answered with something that is not valid HTTP";
    case UpstreamFailure::Cancelled:
        return QStringLiteral("the call was cancelled");
    }
    return {};
}

} // namespace tidegate
