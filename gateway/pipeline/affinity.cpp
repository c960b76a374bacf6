// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/affinity.h"

#include "gateway/http/httprequest.h"

#include <QtEndian>

#include <algorithm>
#include <cmath>

namespace tidegate {

namespace {

quint64 mixed(quint64 z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/// Finds its way through JSON that has been checked already; what is broken only ends the way.
class Cursor
{
public:
    explicit Cursor(std::string_view json)
        : m_json(json)
    {
    }

    [[nodiscard]] size_t position() const { return m_at; }
    [[nodiscard]] bool atEnd() const { return m_at >= m_json.size(); }

    void skipSpace()
    {
        while (!atEnd() && (m_json[m_at] == ' ' || m_json[m_at] == '\n' || m_json[m_at] == '\r' ||
                            m_json[m_at] == '\t')) {
            ++m_at;
        }
    }
    /// Takes @p c when it is next.
    bool take(char c)
    {
        skipSpace();
        if (atEnd() || m_json[m_at] != c) {
            return false;
        }
        ++m_at;
        return true;
    }
    /// A string without its quotes, as written.
    std::string_view string()
    {
        if (!take('"')) {
            return {};
        }
        const size_t start = m_at;
        while (!atEnd() && m_json[m_at] != '"') {
            m_at += m_json[m_at] == '\\' ? 2 : 1;
        }
        const size_t end = std::min(m_at, m_json.size());
        ++m_at;
        return m_json.substr(start, end - start);
    }
    /// Passes over one value, but not beyond @p limit.
    void value(size_t limit)
    {
        skipSpace();
        int depth = 0;
        while (!atEnd() && m_at < limit) {
            const char c = m_json[m_at];
            if (c == '"') {
                string();
            } else if (c == '{' || c == '[') {
                ++depth;
                ++m_at;
            } else if (c == '}' || c == ']') {
                if (depth == 0) {
                    return;
                }
                --depth;
                ++m_at;
            } else if (depth == 0 && c == ',') {
                return;
            } else {
                ++m_at;
                continue;
            }
            if (depth == 0) {
                return;
            }
        }
    }

private:
    std::string_view m_json;
    size_t m_at = 0;
};

// Passes over one message; true when it is the user's.
bool isUserMessage(Cursor &cursor, size_t limit)
{
    if (!cursor.take('{')) {
        cursor.value(limit);
        return false;
    }
    bool isUser = false;
    while (cursor.position() < limit && !cursor.atEnd() && !cursor.take('}')) {
        const std::string_view key = cursor.string();
        if (!cursor.take(':')) {
            break;
        }
        if (key == "role") {
            isUser = cursor.string() == "user";
        } else {
            cursor.value(limit);
        }
        cursor.take(',');
    }
    return isUser;
}

} // namespace

std::optional<quint64> sessionOf(const AffinityRule &rule, const HttpRequest &request)
{
    std::string_view text;
    if (rule.by == AffinityRule::By::Header) {
        text = request.field({rule.header.constData(), size_t(rule.header.size())});
    } else if (rule.by == AffinityRule::By::PromptPrefix) {
        text = promptStart({request.body.constData(), size_t(request.body.size())},
                           size_t(rule.prefixBytes));
    }
    return text.empty() ? std::nullopt : std::optional(hashOf(text));
}

std::string_view promptStart(std::string_view body, size_t maxBytes)
{
    Cursor cursor(body);
    if (!cursor.take('{')) {
        return {};
    }
    while (!cursor.atEnd() && !cursor.take('}')) {
        const std::string_view key = cursor.string();
        if (!cursor.take(':')) {
            return {};
        }
        cursor.skipSpace();
        const size_t start = cursor.position();
        const size_t limit = maxBytes < body.size() - start ? start + maxBytes : body.size();
        if (key == "messages" && cursor.take('[')) {
            size_t before = 0;
            // Where it gets no further the JSON is broken.
            while (cursor.position() < limit && cursor.position() != before && !cursor.take(']')) {
                before = cursor.position();
                if (isUserMessage(cursor, limit)) {
                    break;
                }
                cursor.take(',');
            }
        } else if (key == "prompt" || key == "input" || key == "messages") {
            cursor.value(limit);
        } else {
            cursor.value(body.size());
            cursor.take(',');
            continue;
        }
        return body.substr(start, std::min(cursor.position(), limit) - start);
    }
    return {};
}

quint64 hashOf(std::string_view bytes, quint64 seed)
{
    quint64 hash = seed ^ (bytes.size() * 0x9e3779b97f4a7c15);
    while (bytes.size() >= sizeof(quint64)) {
        hash = mixed(hash ^ qFromLittleEndian<quint64>(bytes.data()));
        bytes.remove_prefix(sizeof(quint64));
    }
    quint64 rest = 0;
    for (const char c : bytes) {
        rest = (rest << 8) | quint8(c);
    }
    return mixed(hash ^ rest);
}

double rendezvousScore(quint64 session, quint64 targetHash, int weight)
{
    const double share = (double(mixed(session ^ targetHash) >> 11) + 0.5) * 0x1p-53;
    return double(weight) / -std::log(share);
}

} // namespace tidegate
