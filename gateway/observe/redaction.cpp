// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/observe/redaction.h"

#include "gateway/observe/knownsecrets.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace tidegate {

namespace {

constexpr std::string_view kMark = "[redacted]";
constexpr size_t kShortestKey = 8; // after its prefix; "sk-learn" is a word

/// Keys of providers and of Tidegate by how they start.
constexpr std::array<std::string_view, 12> kKeyPrefixes{
    "sk-", "tg-", "gsk_", "xai-", "AIza", "hf_", "pplx-", "nvapi-", "r8_", "ghp_", "eyJ", "ya29."};

/// What comes after these is the credential.
constexpr std::array<std::string_view, 4> kSchemes{"bearer ", "basic ", "bearer%20", "basic%20"};

/// Names whose value is a secret, in `name=value`, `name: value` and `"name": "value"`.
constexpr std::array<std::string_view, 12> kNames{
    "key",           "api_key",  "apikey", "api-key", "x-api-key", "access_token",
    "authorization", "password", "secret", "token",   "cookie",    "credential"};

/// Of these the ones that are also words of plain prose.
bool isWord(std::string_view name)
{
    return name == "key" || name == "token" || name == "secret" || name == "credential";
}

/// Names of header fields that hold nothing but a credential.
bool isCredentialField(std::string_view name)
{
    return name == "authorization" || name == "cookie" || name == "api-key" || name == "x-api-key";
}

/// JSON web tokens and Google's access tokens consist of parts.
bool hasDots(std::string_view prefix)
{
    return prefix == "eyJ" || prefix == "ya29.";
}

char lower(char c)
{
    return char(std::tolower(static_cast<unsigned char>(c)));
}

bool isWordByte(char c)
{
    const auto byte = static_cast<unsigned char>(c);
    return std::isalnum(byte) || c == '_' || c == '-';
}

/// A byte that keys, tokens and passwords are made of.
bool isSecretByte(char c)
{
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f &&
           std::string_view("\"'`,;&<>(){}[]\\|").find(c) == std::string_view::npos;
}

bool startsWithNoCase(std::string_view text, std::string_view start)
{
    return text.size() >= start.size() && std::equal(start.begin(), start.end(), text.begin(),
                                                     [](char a, char b) { return a == lower(b); });
}

/// Whether one of the names, schemes or prefixes above starts with that byte.
bool mayStartSecret(char c)
{
    static const std::array<bool, 256> kStarts = [] {
        std::array<bool, 256> starts{};
        const auto add = [&starts](std::string_view text) {
            starts[static_cast<unsigned char>(text.front())] = true;
            starts[static_cast<unsigned char>(std::toupper(text.front()))] = true;
        };
        std::for_each(kKeyPrefixes.begin(), kKeyPrefixes.end(), add);
        std::for_each(kSchemes.begin(), kSchemes.end(), add);
        std::for_each(kNames.begin(), kNames.end(), add);
        return starts;
    }();
    return kStarts[static_cast<unsigned char>(c)];
}

/// One pass over the text; each step either copies a byte or replaces a secret.
class Redactor
{
public:
    explicit Redactor(std::string_view text)
        : m_text(text)
    {
    }

    QByteArray run()
    {
        m_out.reserve(qsizetype(m_text.size()));
        while (m_at < m_text.size()) {
            // Nearly all bytes can start nothing; they are copied in runs.
            size_t end = m_at;
            while (end < m_text.size() && !mayStartSecret(m_text[end]) &&
                   (end == 0 || m_text[end - 1] != '/')) {
                ++end;
            }
            if (end > m_at) {
                copy(end - m_at);
                continue;
            }
            const bool wordStart = m_at == 0 || !isWordByte(m_text[m_at - 1]);
            if ((wordStart && (scheme() || key() || password())) || assignment()) {
                continue;
            }
            copy(1);
        }
        return m_out;
    }

private:
    [[nodiscard]] std::string_view rest() const { return m_text.substr(m_at); }

    void copy(size_t count)
    {
        m_out.append(m_text.data() + m_at, qsizetype(count));
        m_at += count;
    }

    /// Replaces the run of secret bytes that starts here.
    void hide()
    {
        const size_t start = m_at;
        while (m_at < m_text.size() && isSecretByte(m_text[m_at])) {
            ++m_at;
        }
        if (m_at > start) {
            m_out.append(kMark.data(), qsizetype(kMark.size()));
        }
    }

    /// Replaces all up to the end of the line or of the quoted text: unknown schemes have spaces.
    void hideLine()
    {
        const size_t end = std::min(m_text.find_first_of("\"'\\\r\n", m_at), m_text.size());
        if (end > m_at) {
            m_at = end;
            m_out.append(kMark.data(), qsizetype(kMark.size()));
        }
    }

    bool scheme()
    {
        for (const std::string_view known : kSchemes) {
            if (startsWithNoCase(rest(), known)) {
                copy(known.size());
                hide();
                return true;
            }
        }
        return false;
    }

    bool key()
    {
        for (const std::string_view prefix : kKeyPrefixes) {
            if (!rest().starts_with(prefix)) {
                continue;
            }
            size_t end = m_at + prefix.size();
            while (end < m_text.size() &&
                   (isWordByte(m_text[end]) || (hasDots(prefix) && m_text[end] == '.'))) {
                ++end;
            }
            if (end - m_at - prefix.size() >= kShortestKey) {
                m_at = end;
                m_out.append(kMark.data(), qsizetype(kMark.size()));
                return true;
            }
        }
        return false;
    }

    /// `name=value`, `name: value`, `"name":"value"` and, of header fields in JSON,
    /// `"name":"x-api-key","value":"…"` and `["x-api-key","…"]`; also percent-encoded or as JSON
    /// within JSON.
    bool assignment()
    {
        for (const std::string_view name : kNames) {
            if (!startsWithNoCase(rest(), name)) {
                continue;
            }
            size_t end = m_at + name.size();
            const bool quoted = skipQuote(end);
            const bool equals = skip(end, "=") || skip(end, "%3d");
            const bool colon = !equals && (skip(end, ":") || skip(end, "%3a"));
            if (!equals && !colon && !(quoted && isCredentialField(name) && skipToValue(end))) {
                continue;
            }
            // Plain "token: word" is prose; "x-auth-token: word" is not.
            const bool inField = m_at > 0 && m_text[m_at - 1] == '-';
            if (colon && !quoted && !inField && isWord(name)) {
                continue;
            }
            while (skip(end, " ") || skip(end, "%20")) {
            }
            skipQuote(end);
            copy(end - m_at);
            if (name == "authorization" || name == "cookie") {
                hideLine();
            } else if (!scheme()) {
                hide();
            }
            return true;
        }
        return false;
    }

    [[nodiscard]] bool skip(size_t &at, std::string_view lowerCase) const
    {
        const bool there = startsWithNoCase(m_text.substr(std::min(at, m_text.size())), lowerCase);
        at += there ? lowerCase.size() : 0;
        return there;
    }

    /// A quotation mark, with the backslashes of JSON within JSON.
    bool skipQuote(size_t &at) const
    {
        size_t end = at;
        while (skip(end, "\\")) {
        }
        const bool there = skip(end, "\"") || skip(end, "'");
        at = there ? end : at;
        return there;
    }

    /// From behind a quoted name to the quoted value that belongs to it.
    bool skipToValue(size_t &at) const
    {
        size_t end = at;
        if (!skip(end, ",")) {
            return false;
        }
        while (skip(end, " ")) {
        }
        size_t value = end;
        if (skipQuote(value) && skip(value, "value") && skipQuote(value) && skip(value, ":")) {
            end = value;
        }
        at = end;
        return true;
    }

    /// `://user:password@`
    bool password()
    {
        if (m_at < 3 || m_text.substr(m_at - 3, 3) != "://") {
            return false;
        }
        size_t end = m_at;
        while (end < m_text.size() && isSecretByte(m_text[end]) && m_text[end] != '/' &&
               m_text[end] != '@' && m_text[end] != '?') {
            ++end;
        }
        if (end >= m_text.size() || m_text[end] != '@') {
            return false;
        }
        m_at = end;
        m_out.append(kMark.data(), qsizetype(kMark.size()));
        return true;
    }

    std::string_view m_text;
    size_t m_at = 0;
    QByteArray m_out;
};

} // namespace

QByteArray redacted(const QByteArray &text)
{
    QByteArray known = text;
    KnownSecrets::mask(known);
    return Redactor({known.constData(), size_t(known.size())}).run();
}

} // namespace tidegate
