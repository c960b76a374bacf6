// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "gateway/base/result.h"

#include <QByteArray>

#include <string_view>

namespace tidegate {

/// What the gateway needs to know of an OpenAI request body, and where to splice it.
///
/// Value type, any thread. Reads with simdjson On-Demand and never re-serialises: unknown fields,
/// number spellings, key order and white space survive. Of a key given twice the last one counts,
/// as for the upstreams' own parsers.
class OpenAiRequest
{
public:
    enum class IncludeUsage : quint8
    {
        Absent,
        False,
        True
    };

    /// @p body must have 64 bytes of spare capacity (see HttpRequest::body), else it is copied.
    /// The error says what is wrong with the JSON and near which byte.
    static Result<OpenAiRequest> parse(const QByteArray &body);

    [[nodiscard]] bool hasModel() const { return m_modelLength > 0; }
    [[nodiscard]] const QByteArray &model() const { return m_model; }
    [[nodiscard]] bool stream() const { return m_stream; }
    [[nodiscard]] bool hasTools() const { return m_hasTools; }
    /// encoding_format is "base64", which OpenAI's SDKs ask for unless told otherwise.
    [[nodiscard]] bool wantsBase64() const { return m_wantsBase64; }
    [[nodiscard]] IncludeUsage includeUsage() const { return m_includeUsage; }
    /// The last message with role user as plain text (string content, or the text parts joined);
    /// for completions the prompt, for embeddings the input, when they are a string.
    static QByteArray lastUserText(const QByteArray &body);

    /// @p body with the model's name replaced; an empty @p model leaves it.
    /// With @p askForUsage a stream_options.include_usage of true is spliced in where it is not.
    [[nodiscard]] QByteArray spliced(const QByteArray &body, std::string_view model,
                                     bool askForUsage) const;

private:
    QByteArray m_model;
    qsizetype m_objectStart = 0; ///< after the outermost {
    qsizetype m_modelStart = 0;  ///< of the string token with its quotes
    qsizetype m_modelLength = 0;
    qsizetype m_streamOptionsStart = -1; ///< of the value; -1: no such key
    qsizetype m_streamOptionsLength = 0; ///< of the whole value when it is not an object
    bool m_streamOptionsEmpty = false;
    bool m_streamOptionsIsObject = false;
    qsizetype m_includeUsageStart = -1; ///< of the value; -1: no such key
    qsizetype m_includeUsageLength = 0;
    bool m_stream = false;
    bool m_hasTools = false;
    bool m_wantsBase64 = false;
    IncludeUsage m_includeUsage = IncludeUsage::Absent;
};

} // namespace tidegate
