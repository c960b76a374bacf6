// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/http/requestparser.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace tidegate {

namespace {

constexpr int kMaxEmptyLines = 4;
constexpr size_t kMaxMethodSize = 32;
constexpr size_t kLargestStart = 4096; // of a head's memory; it grows with what arrives
constexpr size_t kMaxChunkLine = 4096;
constexpr int kMaxChunkSizeDigits = 15; // less than 2^60, so sums cannot overflow
constexpr size_t kMaxLengthDigits = 18; // less than 2^60
constexpr qint64 kMaxFraming = 16;      // bytes of framing for each byte of a chunked body
constexpr qint64 kBodyStep = 64 * 1024;
constexpr qint64 kBodyPadding = 64; // simdjson reads a little past the end

constexpr quint8 kToken = 1;  // RFC 9110, 5.6.2
constexpr quint8 kTarget = 2; // visible ASCII but the fragment sign
constexpr quint8 kHost = 4;   // a name, an address and a port

constexpr std::array<quint8, 256> makeClasses()
{
    std::array<quint8, 256> classes = {};
    for (int c = 0x21; c < 0x7f; ++c) {
        classes[size_t(c)] |= kTarget;
    }
    classes[size_t('#')] &= quint8(~kTarget);
    for (int c = 0; c < 128; ++c) {
        const bool alnum =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (alnum) {
            classes[size_t(c)] |= kToken | kHost;
        }
    }
    for (const char c : std::string_view("!#$%&'*+-.^_`|~")) {
        classes[size_t(c)] |= kToken;
    }
    for (const char c : std::string_view("-._~%!$&'()*+;=:[]")) {
        classes[size_t(c)] |= kHost;
    }
    return classes;
}

constexpr std::array<quint8, 256> kClasses = makeClasses();

// Bytes of a head that starts with @p data, as far as it is there.
size_t headSize(std::string_view data)
{
    const size_t end = data.find("\r\n\r\n");
    return end == std::string_view::npos ? data.size() : end + 4;
}

bool allOf(std::string_view text, quint8 wanted)
{
    quint8 common = wanted;
    for (const char c : text) {
        common &= kClasses[quint8(c)];
    }
    return common == wanted;
}

// Whether there is a control character other than a tab. Eight bytes at a time, because values are
// most of a head.
bool hasControl(std::string_view text)
{
    constexpr quint64 kOnes = 0x0101010101010101ULL;
    constexpr quint64 kHighs = 0x8080808080808080ULL;
    const auto isControl = [](char c) { return (quint8(c) < 0x20 && c != '\t') || c == 0x7f; };
    size_t i = 0;
    for (; i + 8 <= text.size(); i += 8) {
        quint64 word = 0;
        std::memcpy(&word, text.data() + i, 8);
        const quint64 below = (word - kOnes * 0x20) & ~word & kHighs;
        const quint64 xored = word ^ (kOnes * 0x7f);
        const quint64 deleted = (xored - kOnes) & ~xored & kHighs;
        if ((below | deleted) != 0 &&
            std::any_of(text.begin() + qptrdiff(i), text.begin() + qptrdiff(i) + 8, isControl)) {
            return true;
        }
    }
    return std::any_of(text.begin() + qptrdiff(i), text.end(), isControl);
}

std::string_view trimmed(std::string_view text)
{
    const auto isBlank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && isBlank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && isBlank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

HttpMethod methodOf(std::string_view token)
{
    switch (token.size()) {
    case 3:
        return token == "GET" ? HttpMethod::Get
                              : (token == "PUT" ? HttpMethod::Put : HttpMethod::Other);
    case 4:
        return token == "POST" ? HttpMethod::Post
                               : (token == "HEAD" ? HttpMethod::Head : HttpMethod::Other);
    case 5:
        return token == "PATCH" ? HttpMethod::Patch : HttpMethod::Other;
    case 6:
        return token == "DELETE" ? HttpMethod::Delete : HttpMethod::Other;
    case 7:
        return token == "OPTIONS" ? HttpMethod::Options : HttpMethod::Other;
    default:
        return HttpMethod::Other;
    }
}

int hexDigit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = char(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

} // namespace

bool RequestParser::fail(int status, std::string_view code, std::string_view message)
{
    m_failure = {status, code, message};
    return false;
}

void RequestParser::reset()
{
    *this = RequestParser(m_limits);
}

HttpRequest RequestParser::takeRequest()
{
    HttpRequest taken = std::move(m_request);
    std::vector<Span> spans = std::move(m_spans); // keeps its memory for the next request
    reset();
    spans.clear();
    m_spans = std::move(spans);
    return taken;
}

void RequestParser::discardBody()
{
    m_discard = true;
    m_request.body = QByteArray();
}

size_t RequestParser::consume(const char *data, size_t size, Status &status)
{
    size_t used = 0;
    status = Status::NeedMore;
    while (used < size) {
        const char *at = data + used;
        const size_t left = size - used;
        switch (m_state) {
        case State::Start:
            if (*at == '\r' || *at == '\n') {
                // Robustness that RFC 9112 asks for: empty lines before a request line.
                if (++m_emptyLines > 2 * kMaxEmptyLines) {
                    malformed("The request does not begin with a request line.");
                    status = Status::Failed;
                    return used;
                }
                ++used;
                continue;
            }
            m_request.head.reserve(qsizetype(std::min(headSize({at, left}), kLargestStart)));
            m_state = State::RequestLine;
            continue;
        case State::RequestLine:
        case State::Fields: {
            bool complete = false;
            const qsizetype limit = qsizetype(m_limits.maxHeaderBytes);
            const void *end = std::memchr(at, '\n', left);
            const size_t take = end ? size_t(static_cast<const char *>(end) - at) + 1 : left;
            complete = end != nullptr;
            const size_t soFar = size_t(m_request.head.size()) - m_lineStart + take;
            if (m_state == State::RequestLine &&
                qint64(soFar) > m_limits.maxTargetBytes + qint64(kMaxMethodSize) + 12) {
                fail(414, "uri_too_long", "The request target is too long.");
                status = Status::Failed;
                return used;
            }
            if (m_request.head.size() + qsizetype(take) > limit) {
                fail(431, "headers_too_large", "The request head is too large.");
                status = Status::Failed;
                return used;
            }
            m_request.head.append(at, qsizetype(take));
            used += take;
            if (!complete) {
                continue;
            }
            const std::string_view line(m_request.head.constData() + m_lineStart,
                                        size_t(m_request.head.size()) - m_lineStart);
            const size_t offset = m_lineStart;
            m_lineStart = quint32(m_request.head.size());
            const bool wasFields = m_state == State::Fields;
            if (line.size() < 2 || line[line.size() - 2] != '\r') {
                malformed("A line of the request head does not end with CRLF.");
                status = Status::Failed;
                return used;
            }
            if (wasFields && line.size() == 2) {
                if (!finishHead()) {
                    status = Status::Failed;
                    return used;
                }
                status = m_state == State::Done ? Status::Complete : Status::HeadDone;
                return used;
            }
            if (!takeHeadLine(line.substr(0, line.size() - 2), offset)) {
                status = Status::Failed;
                return used;
            }
            continue;
        }
        case State::FixedBody:
        case State::ChunkData: {
            const size_t take = size_t(std::min<qint64>(qint64(left), m_remaining));
            appendBody(at, take);
            used += take;
            m_remaining -= qint64(take);
            if (m_remaining == 0) {
                if (m_state == State::FixedBody) {
                    m_state = State::Done;
                    status = Status::Complete;
                    return used;
                }
                m_state = State::ChunkEnd;
            }
            continue;
        }
        case State::ChunkSize:
        case State::ChunkEnd:
        case State::Trailer: {
            bool complete = false;
            const size_t take = takeLine(at, left, complete);
            used += take;
            m_overhead += qint64(take);
            m_discarded += m_discard ? qint64(take) : 0;
            if (size_t(m_line.size()) > kMaxChunkLine ||
                m_overhead > m_limits.maxHeaderBytes + kMaxFraming * m_bodySize) {
                malformed("The chunked body has too much framing.");
                status = Status::Failed;
                return used;
            }
            if (!complete) {
                continue;
            }
            const std::string_view whole(m_line.constData(), size_t(m_line.size()));
            if (whole.size() < 2 || whole[whole.size() - 2] != '\r') {
                malformed("A line of the chunked body does not end with CRLF.");
                status = Status::Failed;
                return used;
            }
            const std::string_view line = whole.substr(0, whole.size() - 2);
            bool good = true;
            if (m_state == State::ChunkSize) {
                good = parseChunkSize(line);
            } else if (m_state == State::ChunkEnd) {
                m_state = State::ChunkSize;
                good = line.empty() || malformed("A chunk is longer than it says.");
            } else if (line.empty()) {
                m_state = State::Done;
            } else {
                good = checkTrailer(line);
            }
            m_line.resize(0);
            if (!good) {
                status = Status::Failed;
                return used;
            }
            if (m_state == State::Done) {
                m_line = QByteArray();
                status = Status::Complete;
                return used;
            }
            continue;
        }
        case State::Done:
            status = Status::Complete;
            return used;
        }
    }
    return used;
}

size_t RequestParser::takeLine(const char *data, size_t size, bool &complete)
{
    const void *end = std::memchr(data, '\n', size);
    complete = end != nullptr;
    size_t take = complete ? size_t(static_cast<const char *>(end) - data) + 1 : size;
    // One more than allowed is enough to be refused.
    take = std::min(take, kMaxChunkLine + 1 - std::min(kMaxChunkLine, size_t(m_line.size())));
    m_line.append(data, qsizetype(take));
    return take;
}

bool RequestParser::takeHeadLine(std::string_view line, size_t offset)
{
    if (m_state == State::RequestLine) {
        m_state = State::Fields;
        return parseRequestLine(line);
    }
    return parseField(line, offset);
}

bool RequestParser::parseRequestLine(std::string_view line)
{
    constexpr std::string_view kMalformed = "The request line is malformed.";
    const size_t methodEnd = line.find(' ');
    if (methodEnd == std::string_view::npos || methodEnd == 0 || methodEnd > kMaxMethodSize ||
        !allOf(line.substr(0, methodEnd), kToken)) {
        return malformed("The request method is malformed.");
    }
    const size_t targetEnd = line.rfind(' ');
    if (targetEnd <= methodEnd + 1) {
        return malformed(kMalformed);
    }
    const std::string_view target = line.substr(methodEnd + 1, targetEnd - methodEnd - 1);
    if (qint64(target.size()) > m_limits.maxTargetBytes) {
        return fail(414, "uri_too_long", "The request target is too long.");
    }
    if (!allOf(target, kTarget)) {
        return malformed("The request target holds a character that is not allowed.");
    }
    const std::string_view version = line.substr(targetEnd + 1);
    const auto isDigit = [](char c) { return c >= '0' && c <= '9'; };
    if (version.size() != 8 || version.substr(0, 5) != "HTTP/" || version[6] != '.' ||
        !isDigit(version[5]) || !isDigit(version[7])) {
        return malformed(kMalformed);
    }
    if (version[5] != '1') {
        return fail(505, "http_version_not_supported", "Only HTTP/1.1 and HTTP/1.0 are served.");
    }
    m_http10 = version[7] == '0';
    m_request.method = methodOf(line.substr(0, methodEnd));
    m_targetStart = quint32(methodEnd + 1);
    m_targetSize = quint32(target.size());
    return true;
}

bool RequestParser::parseField(std::string_view line, size_t offset)
{
    if (int(m_spans.size()) >= m_limits.maxFields) {
        return fail(431, "headers_too_large", "The request has too many fields.");
    }
    if (line.front() == ' ' || line.front() == '\t') {
        return malformed("Folded header fields are not allowed.");
    }
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 || !allOf(line.substr(0, colon), kToken)) {
        return malformed("A header field has a malformed name.");
    }
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (hasControl(value)) {
        return malformed("A header field holds a control character.");
    }
    m_spans.push_back({quint32(offset), quint32(colon),
                       quint32(offset + size_t(value.data() - line.data())),
                       quint32(value.size())});
    return interpretField(line.substr(0, colon), value);
}

bool RequestParser::interpretField(std::string_view name, std::string_view value)
{
    switch (name.size()) {
    case 4:
        if (equalsIgnoreCase(name, "host")) {
            if (m_hostField >= 0) {
                return malformed("The request has more than one Host.");
            }
            if (!allOf(value, kHost)) {
                return malformed("The Host is malformed.");
            }
            m_hostField = int(m_spans.size()) - 1;
        }
        return true;
    case 6:
        if (equalsIgnoreCase(name, "expect")) {
            if (equalsIgnoreCase(value, "100-continue")) {
                m_expectContinue = true;
            } else {
                m_unknownExpectation = true;
            }
        }
        return true;
    case 10:
        if (equalsIgnoreCase(name, "connection")) {
            while (!value.empty()) {
                const size_t comma = std::min(value.find(','), value.size());
                const std::string_view option = trimmed(value.substr(0, comma));
                m_close = m_close || equalsIgnoreCase(option, "close");
                m_keepAlive = m_keepAlive || equalsIgnoreCase(option, "keep-alive");
                value.remove_prefix(std::min(comma + 1, value.size()));
            }
        }
        return true;
    case 14:
        return !equalsIgnoreCase(name, "content-length") || parseContentLength(value);
    case 17:
        if (equalsIgnoreCase(name, "transfer-encoding")) {
            if (m_hasEncoding) {
                return malformed("The request has more than one Transfer-Encoding.");
            }
            m_hasEncoding = true;
            m_unknownEncoding = !equalsIgnoreCase(value, "chunked");
        }
        return true;
    default:
        return true;
    }
}

bool RequestParser::parseContentLength(std::string_view value)
{
    if (m_hasLength) {
        return malformed("The request has more than one Content-Length.");
    }
    m_hasLength = true;
    const auto isDigit = [](char c) { return c >= '0' && c <= '9'; };
    if (value.empty() || !std::all_of(value.begin(), value.end(), isDigit)) {
        return malformed("The Content-Length is malformed.");
    }
    while (value.size() > 1 && value.front() == '0') {
        value.remove_prefix(1);
    }
    if (value.size() > kMaxLengthDigits) {
        return fail(413, "body_too_large", "The request body is too large.");
    }
    m_remaining = 0;
    for (const char c : value) {
        m_remaining = m_remaining * 10 + (c - '0');
    }
    return true;
}

bool RequestParser::finishHead()
{
    const char *base = m_request.head.constData();
    m_request.fields.reserve(m_spans.size());
    for (const Span &span : m_spans) {
        m_request.fields.push_back({std::string_view(base + span.name, span.nameSize),
                                    std::string_view(base + span.value, span.valueSize)});
    }
    if (m_hostField < 0 && !m_http10) {
        return malformed("The request has no Host.");
    }
    if (!splitTarget()) {
        return false;
    }
    if (m_hasEncoding) {
        if (m_hasLength) {
            return malformed("The request has both Content-Length and Transfer-Encoding.");
        }
        if (m_http10) {
            return malformed("HTTP/1.0 has no Transfer-Encoding.");
        }
        if (m_unknownEncoding) {
            return fail(501, "unsupported_transfer_encoding",
                        "The only supported Transfer-Encoding is chunked.");
        }
        m_chunked = true;
        m_state = State::ChunkSize;
    } else {
        if (m_remaining > m_limits.maxBodyBytes) {
            return fail(413, "body_too_large", "The request body is too large.");
        }
        m_state = m_remaining > 0 ? State::FixedBody : State::Done;
    }
    if (m_http10 || m_state == State::Done) {
        m_expectContinue = false;
    }
    return true;
}

// RFC 9112, 3.2: the origin form is usual, the absolute form comes from clients that take us for a
// proxy, the asterisk form belongs to OPTIONS and the authority form to CONNECT.
bool RequestParser::splitTarget()
{
    std::string_view target(m_request.head.constData() + m_targetStart, m_targetSize);
    if (target.front() != '/') {
        const size_t scheme = target.find("://");
        if (scheme != std::string_view::npos &&
            (equalsIgnoreCase(target.substr(0, scheme), "http") ||
             equalsIgnoreCase(target.substr(0, scheme), "https"))) {
            const std::string_view rest = target.substr(scheme + 3);
            const size_t authoritySize = std::min(rest.find_first_of("/?"), rest.size());
            const std::string_view authority = rest.substr(0, authoritySize);
            if (m_hostField >= 0 &&
                !equalsIgnoreCase(authority, m_request.fields[size_t(m_hostField)].value)) {
                return malformed("The request target and the Host name different hosts.");
            }
            target = rest.substr(authoritySize);
        } else if (!(target == "*" && m_request.method == HttpMethod::Options) &&
                   m_request.method != HttpMethod::Other) {
            return malformed("The request target is malformed.");
        }
    }
    const size_t question = std::min(target.find('?'), target.size());
    m_request.path = target.substr(0, question);
    m_request.query = target.substr(std::min(question + 1, target.size()));
    if (m_request.path.empty()) {
        m_request.path = "/";
    }
    return true;
}

bool RequestParser::parseChunkSize(std::string_view line)
{
    size_t digits = 0;
    qint64 chunkSize = 0;
    while (digits < line.size() && hexDigit(line[digits]) >= 0) {
        if (digits == kMaxChunkSizeDigits) {
            return fail(413, "body_too_large", "The request body is too large.");
        }
        chunkSize = chunkSize * 16 + hexDigit(line[digits]);
        ++digits;
    }
    const std::string_view extension = line.substr(digits);
    const std::string_view afterBlank = trimmed(extension);
    if (digits == 0 || (!extension.empty() && (afterBlank.empty() || afterBlank.front() != ';')) ||
        hasControl(extension)) {
        return malformed("A chunk has a malformed size.");
    }
    if (m_bodySize + chunkSize > m_limits.maxBodyBytes) {
        return fail(413, "body_too_large", "The request body is too large.");
    }
    m_remaining = chunkSize;
    m_state = chunkSize > 0 ? State::ChunkData : State::Trailer;
    return true;
}

bool RequestParser::checkTrailer(std::string_view line)
{
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 || !allOf(line.substr(0, colon), kToken) ||
        hasControl(line.substr(colon))) {
        return malformed("A trailer field is malformed.");
    }
    return true;
}

void RequestParser::appendBody(const char *data, size_t size)
{
    m_bodySize += qint64(size);
    if (m_discard) {
        m_discarded += qint64(size);
        return;
    }
    QByteArray &body = m_request.body;
    const qint64 needed = m_bodySize + kBodyPadding;
    if (body.capacity() < needed) {
        // A length is believed for one step only; beyond it memory follows what has arrived.
        const qint64 proven = m_chunked ? m_bodySize + m_bodySize / 2 : 2 * m_bodySize + kBodyStep;
        const qint64 expected = m_bodySize - qint64(size) + m_remaining;
        const qint64 wanted = m_chunked ? proven : std::min(expected, proven);
        body.reserve(qsizetype(std::max(m_bodySize, wanted) + kBodyPadding));
    }
    body.append(data, qsizetype(size));
}

} // namespace tidegate
