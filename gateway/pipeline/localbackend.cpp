// SPDX-License-Identifier: GPL-3.0-or-later
#include "gateway/pipeline/localbackend.h"

#include "gateway/base/clock.h"
#include "gateway/protocol/apierror.h"
#include "gateway/protocol/openairequest.h"

#include <QCryptographicHash>

#include <array>
#include <cstring>

namespace tidegate {

namespace {

constexpr size_t kEmbeddingSize = 16;

QByteArray quoted(const QByteArray &text)
{
    return jsonString({text.constData(), size_t(text.size())});
}

// "Echo: a b" as "Echo:", " a", " b": each with the white space before it.
QByteArrayList words(const QByteArray &text)
{
    QByteArrayList list;
    qsizetype start = 0;
    for (qsizetype i = 1; i < text.size(); ++i) {
        const bool boundary = text.at(i) == ' ' || text.at(i) == '\n';
        const bool afterWord = text.at(i - 1) != ' ' && text.at(i - 1) != '\n';
        if (boundary && afterWord) {
            list.append(text.mid(start, i - start));
            start = i;
        }
    }
    if (start < text.size()) {
        list.append(text.mid(start));
    }
    return list;
}

QByteArray usageJson(const TokenUsage &usage)
{
    const QByteArray input = QByteArray::number(usage.input);
    const QByteArray output = QByteArray::number(usage.output);
    return R"("usage":{"prompt_tokens":)" + input + R"(,"completion_tokens":)" + output +
           R"(,"total_tokens":)" + QByteArray::number(usage.input + usage.output) + '}';
}

class Composer
{
public:
    explicit Composer(const LocalRequest &request)
        : m_request(request)
        , m_chat(request.endpoint == Endpoint::ChatCompletions)
        , m_created(QByteArray::number(wallClockUs() / 1'000'000))
    {
    }

    LocalAnswer compose() const
    {
        const QByteArray input = OpenAiRequest::lastUserText(m_request.body);
        LocalAnswer answer;
        answer.usage.input = words(input).size();
        answer.usage.output = 0;
        if (m_request.endpoint == Endpoint::Embeddings) {
            answer.body = embedding(input, answer.usage);
            return answer;
        }
        const QByteArray text = m_request.echo ? "Echo: " + input : QByteArray();
        answer.usage.output = words(text).size();
        if (!m_request.stream) {
            const QByteArray content =
                m_chat ? QByteArray(R"("message":{"role":"assistant","content":)" + quoted(text) +
                                    R"(,"refusal":null})")
                       : QByteArray(R"("text":)" + quoted(text));
            answer.body = head(m_chat ? "chat.completion" : "text_completion") +
                          R"(,"choices":[{"index":0,)" + content +
                          R"(,"logprobs":null,"finish_reason":"stop"}],)" +
                          usageJson(answer.usage) + '}';
            return answer;
        }
        if (m_chat) {
            answer.events.push_back(event(R"({"role":"assistant","content":""})", "null"));
        }
        for (const QByteArray &word : words(text)) {
            const QByteArray delta =
                m_chat ? QByteArray(R"({"content":)" + quoted(word) + '}') : quoted(word);
            answer.events.push_back(event(delta, "null"));
        }
        answer.events.push_back(
            event(m_chat ? QByteArray("{}") : QByteArray(R"("")"), R"("stop")"));
        if (m_request.includeUsage) {
            answer.events.push_back("data: " + head(streamObject()) + R"(,"choices":[],)" +
                                    usageJson(answer.usage) + "}\n\n");
        }
        answer.events.push_back("data: [DONE]\n\n");
        return answer;
    }

private:
    QByteArray head(const char *object) const
    {
        return R"({"id":)" + quoted(m_request.requestId) + R"(,"object":")" + object +
               R"(","created":)" + m_created + R"(,"model":)" + quoted(m_request.model);
    }

    const char *streamObject() const
    {
        return m_chat ? "chat.completion.chunk" : "text_completion";
    }

    // @p part: the delta object of a chat, or the text as a JSON string.
    QByteArray event(const QByteArray &part, const char *finishReason) const
    {
        return "data: " + head(streamObject()) + R"(,"choices":[{"index":0,)" +
               (m_chat ? R"("delta":)" : R"("text":)") + part +
               R"(,"logprobs":null,"finish_reason":)" + finishReason + "}]}\n\n";
    }

    // A unit of the text's hash: the same text has the same vector, of no further meaning.
    QByteArray embedding(const QByteArray &input, const TokenUsage &usage) const
    {
        std::array<float, kEmbeddingSize> vector{};
        if (m_request.echo) {
            const QByteArray hash = QCryptographicHash::hash(input, QCryptographicHash::Sha256);
            for (size_t i = 0; i < vector.size(); ++i) {
                vector[i] = float(static_cast<signed char>(hash.at(qsizetype(i)))) / 512.0F;
            }
        }
        QByteArray value;
        if (m_request.base64) {
            QByteArray raw(qsizetype(sizeof(vector)), Qt::Uninitialized);
            std::memcpy(raw.data(), vector.data(), sizeof(vector));
            value = '"' + raw.toBase64() + '"';
        } else {
            for (const float number : vector) {
                value += (value.isEmpty() ? "[" : ",") + QByteArray::number(double(number), 'g', 9);
            }
            value += ']';
        }
        return R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":)" + value +
               R"(}],"model":)" + quoted(m_request.model) + R"(,"usage":{"prompt_tokens":)" +
               QByteArray::number(usage.input) + R"(,"total_tokens":)" +
               QByteArray::number(usage.input) + "}}";
    }

    const LocalRequest &m_request;
    bool m_chat;
    QByteArray m_created;
};

} // namespace

LocalAnswer answerLocally(const LocalRequest &request)
{
    return Composer(request).compose();
}

} // namespace tidegate
