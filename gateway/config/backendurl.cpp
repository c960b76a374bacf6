// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/config/backendurl.h"

#include "gateway/config/urlguard.h"

#include <QRegularExpression>
#include <QUrl>

using namespace Qt::StringLiterals;

namespace tidegate {

namespace {

QString basePath(BackendType type)
{
    switch (type) {
    case BackendType::Groq:
        return u"/openai/v1"_s;
    case BackendType::OpenRouter:
        return u"/api/v1"_s;
    case BackendType::Anthropic:
    case BackendType::Gemini:
    case BackendType::Azure:
    case BackendType::Echo:
    case BackendType::Noop:
        return {};
    case BackendType::OpenAI:
    case BackendType::Ollama:
    case BackendType::VLlm:
    case BackendType::LlamaCpp:
    case BackendType::Tgi:
    case BackendType::SgLang:
    case BackendType::LmStudio:
    case BackendType::Mistral:
    case BackendType::Local:
    case BackendType::Modal:
        break;
    }
    return u"/v1"_s;
}

/// Whether plain http is what a person means who types this host without a scheme.
bool isNearbyHost(const QString &host)
{
    if (const auto address = UrlGuard::literalAddress(host)) {
        return UrlGuard::classify(*address) != UrlGuard::AddressKind::Public;
    }
    return UrlGuard::isLocalhostName(host) || !host.contains(u'.') ||
           host.endsWith(u".local"_s, Qt::CaseInsensitive) ||
           host.endsWith(u".lan"_s, Qt::CaseInsensitive);
}

QString withScheme(const QString &url)
{
    static const QRegularExpression kScheme(u"\\A[A-Za-z][A-Za-z0-9+.-]*://"_s);
    if (kScheme.match(url).hasMatch()) {
        return url;
    }
    const QUrl guess(u"http://"_s + url, QUrl::StrictMode);
    return (isNearbyHost(guess.host()) ? u"http://"_s : u"https://"_s) + url;
}

} // namespace

QByteArray defaultBackendUrl(BackendType type)
{
    switch (type) {
    case BackendType::OpenAI:
        return "https://api.openai.com/v1";
    case BackendType::Anthropic:
        return "https://api.anthropic.com";
    case BackendType::Gemini:
        return "https://generativelanguage.googleapis.com";
    case BackendType::Groq:
        return "https://api.groq.com/openai/v1";
    case BackendType::Mistral:
        return "https://api.mistral.ai/v1";
    case BackendType::OpenRouter:
        return "https://openrouter.ai/api/v1";
    case BackendType::Ollama:
        return "http://127.0.0.1:11434/v1";
    case BackendType::LmStudio:
        return "http://127.0.0.1:1234/v1";
    case BackendType::LlamaCpp:
        return "http://127.0.0.1:8080/v1";
    case BackendType::VLlm:
        return "http://127.0.0.1:8000/v1";
    case BackendType::SgLang:
        return "http://127.0.0.1:30000/v1";
    case BackendType::Tgi:
        return "http://127.0.0.1:3000/v1";
    case BackendType::Azure:
    case BackendType::Local:
    case BackendType::Modal:
    case BackendType::Echo:
    case BackendType::Noop:
        break;
    }
    return {};
}

Result<QByteArray> normaliseBackendUrl(BackendType type, const QString &url)
{
    const QString typed = url.trimmed();
    if (typed.isEmpty()) {
        const QByteArray fallback = defaultBackendUrl(type);
        if (fallback.isEmpty() && type != BackendType::Echo && type != BackendType::Noop) {
            return Error{
                u"A backend of type %1 needs a url, for example http://127.0.0.1:8000."_s.arg(
                    QString::fromLatin1(backendTypeName(type)))};
        }
        return fallback;
    }
    // Checked before anything of the URL is repeated in a message: it may hold a password.
    const QUrl parsed(withScheme(typed), QUrl::StrictMode);
    if (!parsed.userInfo().isEmpty() || parsed.authority().contains(u'@')) {
        return Error{
            u"A url must not contain a user name or password. Put the key into api_key."_s};
    }
    if (parsed.hasQuery() || parsed.hasFragment()) {
        return Error{
            u"A url must not contain \"?\" or \"#\": paths are added to its end. Keys belong "
            "into api_key, other fixed values into headers."_s};
    }
    if (!parsed.isValid() || parsed.host().isEmpty()) {
        return Error{u"This is not a URL. Write it like https://api.example.com/v1 or "
                     "127.0.0.1:11434."_s};
    }
    if (parsed.scheme() != u"http"_s && parsed.scheme() != u"https"_s) {
        return Error{
            u"A url starts with http:// or https://, not with %1://."_s.arg(parsed.scheme())};
    }
    if (parsed.port() == 0) {
        return Error{u"The port of a url is a number from 1 to 65535."_s};
    }
    const QString host = parsed.host(QUrl::FullyEncoded);
    if (const auto allowed = UrlGuard::checkHost(host); !allowed) {
        return Error{allowed.error()};
    }

    QUrl result = parsed;
    // One spelling for one machine: what is checked here is what curl will connect to.
    if (const auto address = UrlGuard::literalAddress(host)) {
        result.setHost(address->toString());
    }
    QString path = parsed.path(QUrl::FullyEncoded);
    while (path.endsWith(u'/')) {
        path.chop(1);
    }
    result.setPath(path.isEmpty() ? basePath(type) : path, QUrl::StrictMode);
    return result.toEncoded(QUrl::FullyEncoded);
}

} // namespace tidegate
